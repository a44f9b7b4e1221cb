import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyRange, KeyValueStore } from '@starling/protocol'

export interface StoreUnderTest {
  readonly store: KeyValueStore
  close(): Promise<void>
}

const key = (...bytes: number[]) => Uint8Array.from(bytes)
const put = (at: Uint8Array, value: Uint8Array) => ({ type: 'put' as const, key: at, value })
const del = (at: Uint8Array) => ({ type: 'del' as const, key: at })

/** Registers the tests that every `KeyValueStore` driver passes. `open` gives a new, empty store each time. */
export function keyValueStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  const contract = (title: string, body: (store: KeyValueStore) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      const { store, close } = await open()
      try {
        await body(store)
      } finally {
        await close()
      }
    })

  contract('what was put is got, what was deleted or never put is undefined', async (store) => {
    await store.batch([put(key(1), key(9, 9)), put(key(2), key())])
    assert.deepEqual([...((await store.get(key(1))) ?? [])], [9, 9])
    assert.deepEqual([...((await store.get(key(2))) ?? [1])], [], 'an empty value is a value')
    await store.batch([del(key(1)), del(key(7))])
    assert.equal(await store.get(key(1)), undefined)
    assert.equal(await store.get(key(3)), undefined)
  })

  contract('getMany answers in the order asked, with repetitions and gaps', async (store) => {
    await store.batch([put(key(1), key(10)), put(key(2), key(20))])
    const values = await store.getMany([key(2), key(3), key(1), key(2)])
    assert.deepEqual(
      values.map((value) => value?.[0]),
      [20, undefined, 10, 20],
    )
    assert.deepEqual(await store.getMany([]), [])
  })

  contract('the later operation of one batch wins', async (store) => {
    await store.batch([put(key(1), key(1)), del(key(1)), put(key(1), key(2)), put(key(2), key(1)), del(key(2))])
    assert.deepEqual([...((await store.get(key(1))) ?? [])], [2])
    assert.equal(await store.get(key(2)), undefined)
  })

  contract('batches submitted without waiting are applied in that order', async (store) => {
    await Promise.all(Array.from({ length: 200 }, (_, n) => store.batch([put(key(1), key(n))])))
    assert.deepEqual([...((await store.get(key(1))) ?? [])], [199])
  })

  contract('the caller may change its buffers once the batch has resolved', async (store) => {
    const value = key(5)
    await store.batch([put(key(1), value)])
    value[0] = 6
    assert.deepEqual([...((await store.get(key(1))) ?? [])], [5])
  })

  contract('entries come in byte order within the bounds', async (store) => {
    const keys = [key(1), key(1, 0), key(1, 255), key(2), key(128), key(255, 255)]
    await store.batch(keys.toReversed().map((one) => put(one, one)))
    const scan = async (range: KeyRange) => {
      const found: string[] = []
      for await (const [at, value] of store.entries(range)) {
        assert.deepEqual([...at], [...value])
        found.push([...at].join('.'))
      }
      return found
    }
    const all = ['1', '1.0', '1.255', '2', '128', '255.255']
    assert.deepEqual(await scan({}), all)
    assert.deepEqual(await scan({ reverse: true }), all.toReversed())
    assert.deepEqual(await scan({ gte: key(1, 0), lt: key(128) }), ['1.0', '1.255', '2'])
    assert.deepEqual(await scan({ gt: key(1, 0), lte: key(128) }), ['1.255', '2', '128'])
    assert.deepEqual(await scan({ gte: key(1, 0), reverse: true, limit: 2 }), ['255.255', '128'])
    assert.deepEqual(await scan({ gt: key(2), lt: key(128) }), [])
    assert.deepEqual(await scan({ limit: 1 }), ['1'])
  })

  contract('a scan sees the store as it was when it began', async (store) => {
    await store.batch([put(key(1), key(1)), put(key(2), key(2)), put(key(3), key(3))])
    const seen: number[] = []
    for await (const [at] of store.entries({})) {
      if (seen.length === 0) await store.batch([del(key(3)), put(key(4), key(4))])
      seen.push(at[0] ?? 0)
    }
    assert.deepEqual(seen, [1, 2, 3])
  })

  contract('a scan can be left half-way', async (store) => {
    await store.batch(Array.from({ length: 50 }, (_, n) => put(key(n), key(n))))
    for await (const [at] of store.entries({})) if (at[0] === 3) break
    assert.deepEqual([...((await store.get(key(3))) ?? [])], [3])
  })
}
