/**
 * Microseconds per operation of what stands on the hot path, on one core. Run: `node packages/protocol/bench/protocol.bench.ts`.
 * Each figure is the median of several rounds; ratios matter more than figures, which move with the machine.
 */
import { authStateOf } from '../src/auth/auth-state.ts'
import { checkAuth } from '../src/auth/check-auth.ts'
import { contentHash, signedEventBytes } from '../src/crypto/event-hashes.ts'
import { hashAndSignEvent, signEvent, verifyEventSignature } from '../src/crypto/sign-event.ts'
import { parsePdu } from '../src/events/parse-pdu.ts'
import type { Pdu } from '../src/events/pdu.ts'
import { canonicalJson } from '../src/json/canonical.ts'
import { parseStrictJson, parseStrictObject } from '../src/json/strict-parse.ts'
import { resolveState } from '../src/state/resolve-state.ts'
import { type StateMap, stateSlot } from '../src/state/state-map.ts'
import { sourceOf } from '../src/testing/branch.ts'
import { signerOf, TestRoom, userId } from '../src/testing/room-builder.ts'
import { sodiumCrypto } from '../src/testing/sodium-crypto.ts'

const ROUNDS = 9
const alice = userId('alice')

const room = new TestRoom('12')
room.create(alice)
room.member(alice, 'join')
room.powerLevels(alice, { users: { [userId('bob', 'b.test')]: 50 } })
room.joinRules(alice, 'public')
const content = {
  msgtype: 'm.text',
  body: 'A message of the usual length, with “quotes”\nand a second line.',
  'm.mentions': {},
}
const message = room.add({ type: 'm.room.message', sender: alice, content })
const text = canonicalJson(message.json)
const bytes = new TextEncoder().encode(text)
const json = parseStrictObject(text)
const signer = signerOf(alice)
const publicKey = sodiumCrypto.ed25519.publicKey(signer.seed)
const signature = sodiumCrypto.ed25519.sign(signer.seed, bytes)
const state = authStateOf([...room.events.values()])
const { rules } = room

/** Name, microseconds, and the name of the row that it cannot be faster than. */
type Row = readonly [name: string, microseconds: number, floor?: string]

const PARSE = `JSON.parse of ${bytes.length} bytes`
const WRITE = 'JSON.stringify'
const VERIFY = 'libsodium verify'
const SIGN = 'libsodium sign'
const one = (keyId: string): boolean =>
  verifyEventSignature(json, 'a.test', keyId, publicKey, rules, sodiumCrypto.ed25519)

const rows: readonly Row[] = [
  [PARSE, time(() => JSON.parse(new TextDecoder().decode(bytes)))],
  ['parseStrictJson', time(() => parseStrictJson(bytes)), PARSE],
  [WRITE, time(() => JSON.stringify(json))],
  ['canonicalJson', time(() => canonicalJson(json)), WRITE],
  ['contentHash', time(() => contentHash(json, sodiumCrypto.sha256)), WRITE],
  ['signedEventBytes', time(() => signedEventBytes(json, rules)), WRITE],
  ['parsePdu (format, size, id, content hash)', time(() => parsePdu(json, rules, sodiumCrypto.sha256)), WRITE],
  [VERIFY, time(() => sodiumCrypto.ed25519.verify(publicKey, bytes, signature), 200)],
  ['verifyEventSignature', time(() => one('ed25519:1'), 200), VERIFY],
  [SIGN, time(() => sodiumCrypto.ed25519.sign(signer.seed, bytes), 200)],
  ['signEvent', time(() => signEvent(json, signer, rules, sodiumCrypto.ed25519), 200), SIGN],
  ['hashAndSignEvent', time(() => hashAndSignEvent(json, signer, rules, sodiumCrypto), 200), SIGN],
  ['checkAuth of a message', time(() => checkAuth(message, state, rules, sodiumCrypto))],
  ...[10, 100, 1_000].map((forks): Row => [`resolveState of ${forks} fork events`, timeResolve(forks)]),
]

const width = Math.max(...rows.map(([name]) => name.length))
for (const [name, microseconds, floorName] of rows) {
  const floor = rows.find(([other]) => other === floorName)
  const ratio = floor ? `  ${(microseconds / floor[1]).toFixed(2).padStart(6)} × ${floor[0]}` : ''
  console.log(`${name.padEnd(width)}  ${microseconds.toFixed(2).padStart(10)} µs${ratio}`)
}

/** Median microseconds of one call. */
function time(operation: () => unknown, count = 2_000): number {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    for (let i = 0; i < count; i++) operation()
    rounds.push(((performance.now() - start) * 1_000) / count)
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN
}

/** Two branches that share `forks` contended slots: half of them power events, half topics of a sort, each on its branch's state. */
function timeResolve(forks: number): number {
  const forked = new TestRoom('12')
  forked.create(alice)
  forked.member(alice, 'join')
  forked.powerLevels(alice, { users: {} })
  forked.joinRules(alice, 'public')
  const tip = [...forked.events.values()].at(-1) as Pdu
  const branches: StateMap[] = [0, 1].map((branch) => {
    const start = new Map(forked.state)
    let prev = tip
    for (let i = 0; i < forks / 2; i++) {
      const target = userId(`u${i}`, `s${i % 20}.test`)
      const isBan = i % 2 === 0
      prev = forked.make({
        type: isBan ? 'm.room.member' : 'm.slot',
        sender: alice,
        stateKey: isBan ? target : String(i),
        content: isBan ? { membership: 'ban', reason: String(branch) } : { branch },
        prev: [prev],
        on: start,
      })
      forked.events.set(prev.eventId, prev)
      start.set(stateSlot(prev.type, prev.stateKey ?? ''), prev.eventId)
    }
    return start
  })
  return time(() => resolveState(branches, sourceOf(forked), forked.rules, sodiumCrypto), Math.max(1, 200 / forks))
}
