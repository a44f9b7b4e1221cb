/**
 * The floor: what any honest server must do for one event, and nothing else. A bare express handler that reads the JSON body,
 * makes one Ed25519 signature and one durable LevelDB write, then answers. No room, no rules, no token.
 */
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LevelStore, nodeCrypto, randomBytes } from '@starling/node'
import express from 'express'

const store = await LevelStore.open(mkdtempSync(join(tmpdir(), 'starling-floor-')))
const seed = randomBytes(32)
const encoder = new TextEncoder()
let next = 0

const app = express()
app.use(express.json())
app.put('/send/:txn', async (request, response) => {
  const bytes = encoder.encode(JSON.stringify(request.body))
  const signature = nodeCrypto.ed25519.sign(seed, bytes)
  const key = encoder.encode(String(next++).padStart(12, '0'))
  await store.batch([{ type: 'put', key, value: Buffer.concat([signature, bytes]) }])
  response.json({ event_id: Buffer.from(key).toString('base64url') })
})

const server = createServer(app).listen(0, '127.0.0.1')
await once(server, 'listening')
process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`)
