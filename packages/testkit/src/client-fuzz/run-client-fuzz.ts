import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../fuzz/random.ts'
import { Cast } from './cast.ts'
import { readCorpus } from './corpus.ts'
import { type Fault, type FaultKind, FaultLog } from './fault-log.ts'
import { HonestClient } from './honest-client.ts'
import { judge, patience } from './judge-answer.ts'
import { minimise } from './minimise.ts'
import { nextRequest } from './next-request.ts'
import type { Plant } from './plants.ts'
import { ServerGone, ServerHandle } from './server-handle.ts'
import { aftermath, probe, setUpCast } from './set-up-cast.ts'
import { type Outcome, WireClient } from './wire-client.ts'
import { bytesOf, isFramed, type WireRequest } from './wire-request.ts'

export interface ClientFuzzOptions {
  readonly seed: number
  readonly count: number
  /** Defects put in on purpose, to show that they are found. */
  readonly plants?: readonly Plant[]
  /** How long an answer may take, and the end of what is left when everybody has gone; in milliseconds, default `ANSWER_MS`. */
  readonly answerMs?: number
  /** Told now and then how many requests more have been sent. */
  readonly progress?: (sent: number) => void
}

export interface ClientFuzzReport {
  readonly requests: number
  readonly faults: Readonly<Record<FaultKind, number>>
  /** Status → answers; `closed` and `went away` where there was none. */
  readonly statuses: Readonly<Record<string, number>>
  /** Operations asked for, and those of them that were answered with success at least once. */
  readonly operations: readonly string[]
  readonly succeeded: readonly string[]
  readonly longestTurnMs: number
  /** After the last world, compared with the first. */
  readonly heapGrowthMb: number
  readonly kept: readonly Fault[]
}

const ANSWER_MS = 10_000
/** Requests sent to one world before the next is made: rooms stay small, and what leaks across worlds shows. */
const PER_WORLD = 10_000
const PER_CAST = 150
const PER_PROBE = 500
const GROWTH_MB = 64

/** Sends mutated requests to the whole client API over real connections, one after another, and watches what it does. */
export async function runClientFuzz(options: ClientFuzzOptions): Promise<ClientFuzzReport> {
  const run = new ClientFuzz(options)
  await run.all()
  return run.report()
}

class ClientFuzz {
  readonly #options: ClientFuzzOptions
  readonly #answerMs: number
  readonly #faults = new FaultLog()
  readonly #corpus = readCorpus()
  readonly #statuses: Record<string, number> = {}
  readonly #asked = new Set<string>()
  readonly #succeeded = new Set<string>()
  readonly #heapMb: number[] = []
  #longestTurnMs = 0
  #sent = 0

  constructor(options: ClientFuzzOptions) {
    this.#options = options
    this.#answerMs = options.answerMs ?? ANSWER_MS
  }

  async all(): Promise<void> {
    const { seed, count, plants = [] } = this.#options
    const server = new ServerHandle({ seed, plants, endMs: this.#answerMs }, (kind, what) =>
      this.#faults.add(kind, what),
    )
    try {
      for (let world = 0; this.#sent < count; world++) {
        await this.#oneWorld(server, world, Math.min(PER_WORLD, count - this.#sent))
        await this.#measure(server)
      }
      if (this.#heapGrowthMb() > GROWTH_MB)
        this.#faults.add('memory', `${this.#heapGrowthMb()} MB more than after the first world`)
    } catch (error) {
      // Said by the thread itself: there is nobody left to ask.
      if (!(error instanceof ServerGone)) throw error
    } finally {
      await server.end()
    }
  }

  report(): ClientFuzzReport {
    return {
      requests: this.#sent,
      faults: this.#faults.counts,
      statuses: Object.fromEntries(Object.entries(this.#statuses).sort()),
      operations: [...this.#asked].sort(),
      succeeded: [...this.#succeeded].sort(),
      longestTurnMs: Math.round(this.#longestTurnMs),
      heapGrowthMb: this.#heapGrowthMb(),
      kept: this.#faults.kept,
    }
  }

  async #oneWorld(server: ServerHandle, world: number, size: number): Promise<void> {
    const stage = await server.ask('open')
    const honest = new HonestClient(stage.port)
    const client = new WireClient(stage.port)
    const cast = new Cast()
    const host = `127.0.0.1:${stage.port}`
    for (let index = 0; index < size; index++) {
      if (index % PER_CAST === 0) await this.#honestly(() => setUpCast(cast, server, honest, stage, index / PER_CAST))
      const random = Random.of(this.#options.seed + world * 1_000_003, index)
      const request = nextRequest(this.#corpus, cast, random, host)
      this.#sent += 1
      await this.#send(client, cast, request)
      if (server.isOver) throw new ServerGone('the thread of the server has ended')
      if ((index + 1) % PER_CAST === 0) await this.#honestly(() => aftermath(cast, server, honest))
      const due = (index + 1) % PER_PROBE === 0 || index + 1 === size
      if (due) await this.#honestly(() => probe(server, honest, String(index)))
      if (due) this.#options.progress?.((index + 1) % PER_PROBE || PER_PROBE)
    }
    client.close()
    await this.#everybodyGone(server)
    const left = await server.ask('close')
    if (Object.keys(left).length > 0) this.#faults.add('leak', `left when all is stopped: ${JSON.stringify(left)}`)
  }

  async #send(client: WireClient, cast: Cast, request: WireRequest): Promise<void> {
    const name = [request.id, ...request.changes].join(', ')
    this.#faults.under(this.#sent, name, () => bytesOf(request))
    this.#asked.add(request.id)
    const outcome = await this.#exchange(client, request)
    this.#count(request, outcome)
    if (outcome.kind === 'answer' && outcome.answer.status < 500) cast.learn(outcome.answer.body)
    const verdict = judge(request, outcome, this.#answerMs)
    if (!verdict) return
    const fault = this.#faults.add(verdict.kind, verdict.what)
    // One of a kind is made smaller: the others wait for its repair.
    if (!fault || verdict.kind === 'silence' || this.#faults.counts[verdict.kind] > 1) return
    const smallest = await minimise(request, async (smaller) => {
      const again = judge(smaller, await this.#exchange(client, smaller), this.#answerMs)
      return again?.kind === verdict.kind
    })
    fault.minimised = Buffer.from(bytesOf(smallest)).toString('latin1').slice(0, 5_000)
  }

  #exchange(client: WireClient, request: WireRequest): Promise<Outcome> {
    return client.exchange({
      bytes: bytesOf(request),
      hasBody: request.method !== 'HEAD',
      waitMs: patience(request, this.#answerMs),
      thenEnd: !isFramed(request),
    })
  }

  #count(request: WireRequest, outcome: Outcome): void {
    const status = outcome.kind === 'answer' ? String(outcome.answer.status) : outcome.kind
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    if (outcome.kind === 'answer' && outcome.answer.status < 300) this.#succeeded.add(request.id)
  }

  async #honestly(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (error instanceof ServerGone || !(error instanceof Error)) throw error
      this.#faults.add('probe', `${error.message}${error.cause === undefined ? '' : `: ${String(error.cause)}`}`)
    }
  }

  /** No connection and no file may outlive those who opened them. */
  async #everybodyGone(server: ServerHandle): Promise<void> {
    const deadline = performance.now() + this.#answerMs
    for (;;) {
      const census = await server.ask('census')
      if (census.connections === 0 && census.files === 0) return
      if (performance.now() > deadline) {
        this.#faults.add('leak', `held when everybody has gone: ${JSON.stringify(census)}`)
        return
      }
      await sleep(20)
    }
  }

  async #measure(server: ServerHandle): Promise<void> {
    const { longestMs, heapMb } = await server.ask('load')
    this.#longestTurnMs = Math.max(this.#longestTurnMs, longestMs)
    this.#heapMb.push(heapMb)
  }

  #heapGrowthMb(): number {
    return Math.round((this.#heapMb.at(-1) ?? 0) - (this.#heapMb[0] ?? 0))
  }
}
