/**
 * A node with a fault, for the twin of the kill loop: its database says that a write is on the disk when it is still in
 * memory, and writes it a little later. While it runs nobody can tell, since what is not written yet is read from memory.
 */
import { LevelStore, loadConfig, StarlingNode } from '@starling/node'
import type { BatchOperation, KeyRange, KeyValue } from '@starling/protocol'

/** How long a write waits in memory, in milliseconds. */
const LATE_MS = 40

const { batch, close, entries, get } = LevelStore.prototype
const textOf = (key: Uint8Array) => Buffer.from(key).toString('latin1')

/** Operations that were acknowledged and are not written. */
const late: BatchOperation[] = []
/** Newest operation of each such key; stays until it is written. */
const unwritten = new Map<string, BatchOperation>()
let writing: Promise<void> = Promise.resolve()

function write(store: LevelStore): Promise<void> {
  const operations = late.splice(0)
  writing = writing.then(async () => {
    if (operations.length > 0) await batch.call(store, operations)
    for (const operation of operations) {
      if (unwritten.get(textOf(operation.key)) === operation) unwritten.delete(textOf(operation.key))
    }
  })
  return writing
}

async function read(store: LevelStore, key: Uint8Array): Promise<Uint8Array | undefined> {
  const operation = unwritten.get(textOf(key))
  if (!operation) return get.call(store, key)
  return operation.type === 'put' ? operation.value : undefined
}

Object.assign(LevelStore.prototype, {
  async batch(this: LevelStore, operations: readonly BatchOperation[]): Promise<void> {
    if (late.length === 0) setTimeout(() => void write(this), LATE_MS)
    late.push(...operations)
    for (const operation of operations) unwritten.set(textOf(operation.key), operation)
  },
  get(this: LevelStore, key: Uint8Array) {
    return read(this, key)
  },
  getMany(this: LevelStore, keys: readonly Uint8Array[]) {
    return Promise.all(keys.map((key) => read(this, key)))
  },
  async *entries(this: LevelStore, range: KeyRange): AsyncIterable<KeyValue> {
    const inRange = [...unwritten.values()].some(({ key }) => isIn(range, key))
    if (inRange) await write(this)
    yield* entries.call(this, range)
  },
  async close(this: LevelStore): Promise<void> {
    await write(this)
    await close.call(this)
  },
})

function isIn({ gt, gte, lt, lte }: KeyRange, key: Uint8Array): boolean {
  const against = (bound: Uint8Array | undefined) => (bound ? Buffer.compare(key, bound) : undefined)
  return (against(gt) ?? 1) > 0 && (against(gte) ?? 0) >= 0 && (against(lt) ?? -1) < 0 && (against(lte) ?? 0) <= 0
}

const node = await StarlingNode.start(loadConfig(process.argv.slice(2), process.env).config)
process.once('SIGTERM', () => {
  node.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
