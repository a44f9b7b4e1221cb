import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, ServerName } from '@starling/protocol'
import type { KeyRing, RoomEngine, ServerRequests } from '../../contracts.ts'
import { limits } from '../limits.ts'
import { EventCarrier } from './event-carrier.ts'
import { KeyFetcher } from './key-fetcher.ts'

const keysOf = (server: string): JsonObject => ({ server_name: server })
const event = (sender: string, more: JsonObject = {}): JsonObject => ({ sender, type: 'm.test', ...more })

interface Surroundings {
  readonly known?: readonly string[]
  readonly admit?: () => Promise<void>
  /** What keys that are stored later wait for. */
  readonly stored?: Promise<void>
}

/** A key ring that believes whatever it is given, and an engine that accepts what is signed by servers with known keys. */
function setUp({ known = [], admit, stored }: Surroundings = {}) {
  const admitted = new Set(known)
  const seen: JsonObject[] = []
  const asked: string[] = []
  const kept: string[] = []
  let lies: string | undefined
  let now = 0
  const keys = {
    serverName: 'me',
    ownServerKeys: () => keysOf('me'),
    serverKeysOf: async (server: string) => (admitted.has(server) ? keysOf(server) : undefined),
    admit: async (value: JsonObject | undefined, options: { keep?: boolean; storing?: Promise<void>[] } = {}) => {
      await admit?.()
      if (stored !== undefined) options.storing?.push(stored)
      if (options.keep !== false) kept.push(String(value?.server_name))
      const server = value?.server_name
      if (typeof server !== 'string') return { ok: false, reason: 'malformed' }
      admitted.add(server)
      return { ok: true, server }
    },
  } as unknown as KeyRing
  const engine = {
    check: async (json: JsonObject) => {
      seen.push(json)
      const missing = Object.keys((json.signatures ?? {}) as JsonObject).filter((server) => !admitted.has(server))
      return missing.length > 0
        ? { ok: false, code: 'unknown_key', reason: missing.join() }
        : { ok: true, checked: { pdu: json } }
    },
    checkAll: (list: JsonObject[]) => Promise.all(list.map((json) => engine.check(json, '12'))),
  } as unknown as RoomEngine
  const requests = {
    request: async (to: string, _method: string, uri: string) => {
      asked.push(`${to} ${uri}`)
      return { server_keys: [keysOf(lies ?? uri.split('/').at(-1) ?? '')] }
    },
  } as unknown as ServerRequests
  const count = () => undefined
  const fetcher = new KeyFetcher(keys, requests, { now: () => now }, count)
  const lie = (server: string) => {
    lies = server
  }
  const tick = (ms: number) => {
    now += ms
  }
  return { carrier: new EventCarrier(engine, keys, fetcher, count), seen, asked, kept, tick, admitted, lie }
}

const from = 'friend' as ServerName

test('keys travel on the first event of each server in an answer, and are taken before any check', async () => {
  const { carrier } = setUp({ known: ['a', 'b'] })
  const packed = await carrier.pack([event('@1:a'), event('@2:a'), event('@3:b'), event('@4:me'), event('@5:unknown')])
  assert.deepEqual(
    packed.map((one) => (one.server_keys as JsonObject | undefined)?.server_name),
    ['a', undefined, 'b', 'me', undefined],
  )
  const reader = setUp()
  // The event that carries the keys comes last.
  const signed = [...packed].reverse().map((one) => ({ ...one, signatures: { [String(one.sender).slice(3)]: {} } }))
  const taken = await reader.carrier.unpackList(signed.slice(1), '12', 10)
  assert.deepEqual([taken?.events.length, taken?.failed], [4, 0])
})

test('unsigned and server_keys of a peer reach no check', async () => {
  const { carrier, seen } = setUp()
  await carrier.unpack(event('@1:a', { unsigned: { invite_room_state: [] }, server_keys: keysOf('a') }), '12')
  assert.deepEqual(seen, [event('@1:a')])
})

test('lists that are none or too long are refused whole', async () => {
  const { carrier } = setUp()
  assert.equal(await carrier.unpackList({}, '12', 10), undefined)
  assert.equal(await carrier.unpackList([{}, {}], '12', 1), undefined)
  const taken = await carrier.unpackList([null, 'x', [], {}], '12', 10)
  assert.deepEqual([taken?.events.length, taken?.failed], [1, 3])
})

test("a co-signer's keys are asked of who brought the event, once in a while", async () => {
  const { carrier, asked, tick, admitted } = setUp({ known: ['a'] })
  const signed = event('@1:a', { signatures: { a: {}, resident: {} } })
  assert.equal((await carrier.unpack(signed, '12')).ok, false, 'nobody to ask')
  assert.equal((await carrier.unpack(signed, '12', from)).ok, true)
  assert.deepEqual(asked, ['friend /_matrix/key/v2/query/a', 'friend /_matrix/key/v2/query/resident'])
  admitted.delete('resident')
  assert.equal((await carrier.unpack(signed, '12', from)).ok, false)
  assert.equal(asked.length, 2, 'not asked again at once')
  tick(limits.keyRetryInterval)
  assert.equal((await carrier.unpack(signed, '12', from)).ok, true)
})

test('an event with a thousand signatures makes a handful of questions', async () => {
  const { carrier, asked } = setUp()
  const signatures = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`s${index}`, {}]))
  await carrier.unpack(event('@1:a', { signatures }), '12', from)
  assert.ok(asked.length <= 4, `${asked.length}`)
})

test('what a stranger shows or answers does not fill the disk with keys', async () => {
  const { carrier, kept, tick, lie, admitted } = setUp()
  const shown = event('@1:a', { server_keys: keysOf('a'), signatures: { a: {}, b: {} } })
  assert.equal((await carrier.unpack(shown, '12', from, { keep: false })).ok, true)
  assert.deepEqual(kept, [])
  tick(limits.keyRetryInterval)
  lie('made-up')
  assert.equal((await carrier.unpack(event('@1:c', { signatures: { c: {} } }), '12', from)).ok, false)
  assert.equal(admitted.has('made-up'), false, 'keys that were not asked for')
  // The twin: what a member brings is kept.
  await carrier.unpack(event('@1:d', { server_keys: keysOf('d') }), '12', from)
  assert.deepEqual(kept, ['d'])
})

test('the new keys of a list are taken together, so that one flush to the disk holds them all', async () => {
  const { carrier, admitted } = setUp()
  const list = Array.from({ length: 40 }, (_, n) =>
    event('@a:x', { server_keys: keysOf(`server-${n}`), signatures: { [`server-${n}`]: {} } }),
  )
  const results = await carrier.unpackAll(list, '12')
  assert.equal(admitted.size, 40)
  assert.ok(results.every(({ ok }) => ok))

  const under = Promise.withResolvers<void>()
  let asked = 0
  const waiting = setUp({
    admit: async () => {
      if (++asked === list.length) under.resolve()
      // Nobody's keys are written before everybody's are on the way.
      await under.promise
    },
  })
  assert.equal((await waiting.carrier.unpackAll(list, '12')).length, 40)
})

test('a list is checked while the new keys on it go to the disk, and given out once they are there', async () => {
  const disk = Promise.withResolvers<void>()
  const { carrier, seen } = setUp({ stored: disk.promise })
  let given = false
  const results = carrier.unpackAll([event('@1:a', { server_keys: keysOf('a') })], '12').then(() => {
    given = true
  })
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([seen.length, given], [1, false])
  disk.resolve()
  await results
  const broken = setUp({ stored: Promise.reject(new Error('the disk is full')) })
  await assert.rejects(broken.carrier.unpackAll([event('@1:a', { server_keys: keysOf('a') })], '12'), /disk is full/)
})
