import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import type { Logger } from '@starling/protocol'
import { describe } from '../fuzz/fault-log.ts'
import type { Person } from './cast.ts'
import type { FaultKind } from './fault-log.ts'
import { LoopMeter } from './loop-meter.ts'
import type { Plant } from './plants.ts'
import { type Census, ServedApi, type Stage } from './served-api.ts'

export interface ServerThreadOptions {
  readonly seed: number
  readonly plants: readonly Plant[]
  /** For what may end a little after the server: what lingers of refused uploads, and the like. Milliseconds. */
  readonly endMs: number
}

/** What the server does for the fuzzer, beside serving. */
export interface ServerCommands {
  /** A new world. */
  open(): Promise<Stage>
  person(localpart: string): Promise<Person>
  /** A further session of that user, if there still is one. */
  sessionOf(userId: string): Promise<Person | undefined>
  census(): Promise<Census>
  /** Ends the world; @returns what of each kind of resource is left in the thread, beyond what was there before any. */
  close(): Promise<Readonly<Record<string, number>>>
  /** CPU milliseconds of the longest turn since it was last asked; MB in use after a collection. */
  load(): Promise<{ readonly longestMs: number; readonly heapMb: number }>
}

export type CommandName = keyof ServerCommands

export interface CommandMessage {
  readonly id: number
  readonly command: CommandName
  readonly argument: string
}

export type ThreadMessage =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly fault: FaultKind; readonly what: string }

/** Longest allowed turn of the event loop, in milliseconds of CPU. */
const STALL_MS = 250

const { seed, plants, endMs } = workerData as ServerThreadOptions
const say = (message: ThreadMessage) => parentPort?.postMessage(message)
const fault = (kind: FaultKind, what: string) => say({ fault: kind, what })

process.on('uncaughtException', (error) => fault('uncaught', describe(error)))
process.on('unhandledRejection', (error) => fault('uncaught', describe(error)))
const meter = new LoopMeter(STALL_MS, (ms) => fault('stall', `a turn of ${Math.round(ms)} ms`))

/** As tokens of all kinds look. */
const TOKEN = /\bst[arlo]_[\w-]{43}/

const said = (fields: Record<string, unknown>, message: string): string => {
  const line = `${message}: ${inspect(fields, { depth: 6 })}`
  if (TOKEN.test(line)) fault('secret', line.slice(0, 300))
  return line
}

const logger: Logger = {
  debug: said,
  info: said,
  warn: said,
  error: (fields, message) => fault('internal', said(fields, message)),
  child: () => logger,
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let worlds = 0
let api: ServedApi | undefined
let before: Record<string, number> = {}

const commands: ServerCommands = {
  async open() {
    before = resources()
    api = await ServedApi.start({ seed: seed + worlds++ * 1_000_003, logger, plants })
    meter.start()
    return api.stage
  },
  person: (localpart) => opened().person(localpart),
  sessionOf: (userId) => opened().sessionOf(userId),
  census: () => opened().census(),
  async close() {
    meter.stop()
    await opened().stop()
    api = undefined
    return leftOver()
  },
  async load() {
    collect()
    return { longestMs: meter.takeLongestMs(), heapMb: getHeapStatistics().used_heap_size / (1024 * 1024) }
  },
}

parentPort?.on('message', ({ id, command, argument }: CommandMessage) => {
  commands[command](argument).then(
    (value) => say({ id, value }),
    (error: unknown) => say({ id, error: `${command}: ${describe(error)}` }),
  )
})

function opened(): ServedApi {
  if (!api) throw new Error('the server is not started')
  return api
}

/** What is still there once everything has had its time to end. */
async function leftOver(): Promise<Record<string, number>> {
  const deadline = performance.now() + endMs
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve))
    const left = grown(before, resources())
    if (Object.keys(left).length === 0 || performance.now() > deadline) return left
    await sleep(50)
  }
}

function resources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

function grown(from: Record<string, number>, to: Record<string, number>): Record<string, number> {
  const more = Object.entries(to).map(([name, count]): [string, number] => [name, count - (from[name] ?? 0)])
  return Object.fromEntries(more.filter(([, count]) => count > 0))
}
