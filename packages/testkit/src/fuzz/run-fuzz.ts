import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { askHostileServer, hostileMedia } from './asks.ts'
import { describe, type Fault, type FaultKind, FaultLog } from './fault-log.ts'
import { FuzzWorld, MS_PER_MUTANT } from './fuzz-world.ts'
import { tampering } from './hostile-answers.ts'
import { nextMutant } from './mutants.ts'
import { PLANTS, type Plant } from './plants.ts'
import { Random } from './random.ts'
import { rejoin } from './rejoin.ts'
import { TurnMeter } from './turn-meter.ts'

export interface FuzzOptions {
  readonly seed: number
  /** Mutants to throw, bent answers included. */
  readonly count: number
  /** A defect put in on purpose, to show that it is found. */
  readonly plant?: Plant
  /** Told after each world how many mutants have been thrown since the last time. */
  readonly progress?: (thrown: number) => void
}

export interface FuzzReport {
  readonly mutants: number
  readonly uncaught: number
  readonly faults: Readonly<Record<FaultKind, number>>
  readonly longestStallMs: number
  /** What the process held beyond its stores' rows, at most, and at the end compared with the start. */
  readonly heapPeakMb: number
  readonly heapGrowthMb: number
  readonly verdicts: Readonly<Record<string, number>>
  readonly kept: readonly Fault[]
}

/** Longest allowed turn of the event loop, in milliseconds of CPU. */
export const STALL_MS = 250
/** Heap beyond what the stores hold, in MB: caches are bounded far below this. */
const HEAP_MB = 256
const GROWTH_MB = 64
/** Mutants thrown at one world before the next is made: rooms stay small, and what leaks across worlds shows. */
const PER_WORLD = 10_000
const PER_PROBE = 500
const PER_REFRESH = 8
const MB = 1024 * 1024

/** Throws mutants at the entry points of a whole node, one after another, and watches what it does. */
export async function runFuzz({ seed, count, plant, progress }: FuzzOptions): Promise<FuzzReport> {
  const faults = new FaultLog()
  const verdicts: Record<string, number> = {}
  const meter = new TurnMeter(STALL_MS, (ms) => faults.add('stall', `a turn of ${Math.round(ms)} ms`))
  const uncaught = (error: unknown) => faults.add('uncaught', describe(error))
  process.on('uncaughtException', uncaught)
  process.on('unhandledRejection', uncaught)
  const add = (verdict: string) => {
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
  }
  const heap = new HeapWatch()
  meter.start()
  try {
    let thrown = 0
    for (let world = 0; thrown < count; world++) {
      const size = Math.min(PER_WORLD, count - thrown)
      const part = { seed: seed + world * 1_000_003, first: thrown, size, faults, add, heap, plant }
      const more = await throwAtOneWorld(part)
      thrown += more
      progress?.(more)
    }
    heap.check(faults)
    return {
      ...{ mutants: thrown, uncaught: faults.counts.uncaught, faults: faults.counts, verdicts, kept: faults.kept },
      longestStallMs: Math.round(meter.longestMs),
      heapPeakMb: Math.round(heap.peakMb),
      heapGrowthMb: Math.round(heap.growthMb),
    }
  } finally {
    meter.stop()
    process.off('uncaughtException', uncaught)
    process.off('unhandledRejection', uncaught)
  }
}

interface Part {
  readonly seed: number
  readonly first: number
  readonly size: number
  readonly faults: FaultLog
  readonly add: (verdict: string) => void
  readonly heap: HeapWatch
  readonly plant: Plant | undefined
}

async function throwAtOneWorld({ seed, first, size, faults, add, heap, plant }: Part): Promise<number> {
  const world = await FuzzWorld.create({ seed, faults, count: add })
  if (plant) PLANTS[plant](world)
  let thrown = 0
  for (const node of world.members) {
    node.host.tamper = tampering(world, node, (bytes) => {
      thrown += 1
      faults.under(first + thrown, `answer of ${node.host.peerId}`, bytes)
      add('answers bent')
    })
    node.host.tamperStream = (stream) => hostileMedia(world.random, stream).catch(() => add('a media stream was reset'))
  }
  let nextProbe = PER_PROBE
  for (let index = 0; thrown < size; index++) {
    world.random = Random.of(seed, index)
    world.time.advance(MS_PER_MUTANT)
    if (world.random.chance(0.02)) add(await askHostileServer(world))
    const mutant = nextMutant(world)
    thrown += 1
    faults.under(first + thrown, mutant.name, mutant.bytes)
    add(await mutant.throw())
    await new Promise((resolve) => setImmediate(resolve))
    if (world.out.length > 0) await rejoin(world)
    if (index % PER_REFRESH === 0) await world.refresh(world.random.pick(world.rooms))
    if (thrown >= nextProbe || thrown >= size) {
      nextProbe += PER_PROBE
      await world.settle()
      for (const room of world.rooms) await world.probe(room, `probe ${first + thrown}`)
    }
  }
  heap.worldEnds(world.storeBytes)
  await world.stop()
  return thrown
}

/** The heap after a full collection, with the last world still alive and, at the end, without it. */
class HeapWatch {
  readonly #collect: () => void
  readonly #before: number
  #peak = 0
  #last = 0
  #first: number | undefined

  constructor() {
    setFlagsFromString('--expose-gc')
    this.#collect = runInNewContext('gc') as () => void
    this.#before = this.#used()
  }

  get peakMb(): number {
    return this.#peak
  }

  get growthMb(): number {
    return this.#last - (this.#first ?? this.#last)
  }

  /** A world's rows are text and bytes of the memory store: counted twice, for its maps. */
  worldEnds(storeBytes: number): void {
    const held = this.#used() - this.#before - (2 * storeBytes) / MB
    this.#peak = Math.max(this.#peak, held)
    this.#first ??= held
    this.#last = held
  }

  check(faults: FaultLog): void {
    if (this.#peak > HEAP_MB) faults.add('memory', `${Math.round(this.#peak)} MB beyond the stores`)
    if (this.growthMb > GROWTH_MB)
      faults.add('memory', `${Math.round(this.growthMb)} MB more than after the first world`)
  }

  #used(): number {
    this.#collect()
    return getHeapStatistics().used_heap_size / MB
  }
}
