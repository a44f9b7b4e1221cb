/**
 * For `protector.test.ts`, in a process of its own: three nodes behind one pre-shared key, a large message, then small ones.
 * Argument: `pnet` or `ours`. Exits with 0 if every byte came back right.
 */
import { randomBytes } from 'node:crypto'
import { preSharedKey } from '@libp2p/pnet'
import { preSharedKeyProtector } from '../protector.ts'
import { echo, openProtectedNode } from './protected-node.ts'

const key = new Uint8Array(32).fill(7)
const swarmKey = new TextEncoder().encode(`/key/swarm/psk/1.0.0/\n/base16/\n${Buffer.from(key).toString('hex')}`)
const protector = process.argv[2] === 'pnet' ? preSharedKey({ psk: swarmKey }) : preSharedKeyProtector(key)
await using a = await openProtectedNode(protector)
await using b = await openProtectedNode(protector)
await using c = await openProtectedNode(protector)
await check(b, 8 * 1024 * 1024)
for (let round = 0; round < 200; round++) {
  await check(b, 100 + round)
  await check(c, 300 + round)
}

async function check(to: typeof b, size: number): Promise<void> {
  const message = randomBytes(size)
  if (!message.equals(await echo(a, to, message))) throw new Error(`${size} bytes came back changed`)
}
