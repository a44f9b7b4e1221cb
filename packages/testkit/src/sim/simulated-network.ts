import { RequestError } from '@starling/federation'
import type { AbortOptions, EventId, JsonObject, RoomId, ServerName } from '@starling/protocol'
import type { FaultCounts } from './fault-kinds.ts'
import type { RunTrace } from './run-trace.ts'
import type { LinkFault } from './schedule-plan.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimRandom } from './sim-random.ts'

export interface GossipMessage {
  readonly roomId: RoomId
  /** For the trace; receivers compute it themselves. */
  readonly eventId: EventId
  /** The event as JSON text. */
  readonly text: string
}

export interface WireRequest {
  readonly from: ServerName
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly uri: string
  readonly content: JsonObject | undefined
}

/** What the network needs of a node that is up. */
export interface NetworkNode {
  readonly name: ServerName
  hear(message: GossipMessage, from: ServerName, options: { readonly isRepeat: boolean }): void
  /** Never settles where the node has died or keeps silent. */
  answer(request: WireRequest): Promise<JsonObject>
  met(server: ServerName): void
}

export interface NetworkParts {
  readonly scheduler: Scheduler
  readonly random: SimRandom
  readonly trace: RunTrace
  readonly counts: FaultCounts
  readonly rates: Readonly<Record<LinkFault, number>>
}

interface InFlight {
  readonly to: ServerName
  fail(error: RequestError): void
}

/** Virtual milliseconds. */
const DEFAULT_TIMEOUT = 10_000
const MEETING_DELAY = 50

/** Links between nodes, with everything that goes wrong on them until `calm()`. */
export class SimulatedNetwork {
  readonly #parts: NetworkParts
  readonly #up = new Map<ServerName, NetworkNode>()
  /** Groups that do not reach the others, by number of the partition. */
  readonly #partitions = new Map<number, ReadonlySet<ServerName>>()
  readonly #lastArrival = new Map<string, number>()
  readonly #inFlight = new Set<InFlight>()
  #isCalm = false
  #nextPartition = 1

  constructor(parts: NetworkParts) {
    this.#parts = parts
  }

  isConnected(a: ServerName, b: ServerName): boolean {
    if (a === b || !this.#up.has(a) || !this.#up.has(b)) return false
    for (const side of this.#partitions.values()) if (side.has(a) !== side.has(b)) return false
    return true
  }

  connectedTo(server: ServerName): ServerName[] {
    return [...this.#up.keys()].filter((other) => this.isConnected(server, other))
  }

  // ------------------------------------------------------------------------------------------------ links

  /** The node is there: it and all whom it reaches meet. */
  enter(node: NetworkNode): void {
    this.#up.set(node.name, node)
    for (const other of this.connectedTo(node.name)) this.#meet(node.name, other)
  }

  leave(server: ServerName): void {
    this.#up.delete(server)
    for (const request of [...this.#inFlight]) {
      if (request.to !== server) continue
      this.#parts.scheduler.after(1, () => request.fail(new RequestError('unreachable', 'the connection broke')))
    }
  }

  /** Returns the way to heal it. */
  cut(side: ReadonlySet<ServerName>): () => void {
    const number = this.#nextPartition++
    this.#partitions.set(number, side)
    this.#parts.counts.partition++
    return () => this.#heal(number)
  }

  /** Everything arrives from now on, soon and once; all partitions end. */
  calm(): void {
    this.#isCalm = true
    for (const number of [...this.#partitions.keys()]) this.#heal(number)
  }

  #heal(number: number): void {
    const before = this.#pairs()
    if (!this.#partitions.delete(number)) return
    this.#parts.counts.heal++
    for (const [a, b] of this.#pairs()) if (!before.some(([c, d]) => a === c && b === d)) this.#meet(a, b)
  }

  #pairs(): [ServerName, ServerName][] {
    const names = [...this.#up.keys()]
    return names.flatMap((a, index) =>
      names.slice(index + 1).flatMap((b) => (this.isConnected(a, b) ? [[a, b] as [ServerName, ServerName]] : [])),
    )
  }

  #meet(a: ServerName, b: ServerName): void {
    const { scheduler, random } = this.#parts
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      scheduler.after(random.between(1, MEETING_DELAY), () => {
        if (this.isConnected(one, other)) this.#up.get(one)?.met(other)
      })
    }
  }

  // ------------------------------------------------------------------------------------------------ gossip

  /** True where the node is within reach: the sender learns no more than that. */
  gossip(from: ServerName, to: ServerName, message: GossipMessage): boolean {
    if (!this.isConnected(from, to)) return false
    const { counts, trace } = this.#parts
    if (this.#strikes('drop')) {
      counts.drop++
      trace.add(`drop ${from}>${to} ${message.eventId}`)
      return true
    }
    this.#deliver(from, to, message, false)
    if (this.#strikes('duplicate')) {
      counts.duplicate++
      this.#deliver(from, to, message, true)
    }
    return true
  }

  #deliver(from: ServerName, to: ServerName, message: GossipMessage, isRepeat: boolean): void {
    const { counts, random, scheduler, trace } = this.#parts
    let latency = random.between(1, 40)
    const isLate = this.#strikes('delay')
    if (isLate) latency += random.between(1_000, 30_000)
    if (this.#strikes('reorder')) latency += random.between(20, 1_500)
    const link = `${from}>${to}`
    const sent = scheduler.now
    if (isLate) counts.delay++
    scheduler.after(latency, () => {
      const node = this.#up.get(to)
      if (!node || !this.isConnected(from, to)) return
      if (sent < (this.#lastArrival.get(link) ?? -1)) counts.reorder++
      else this.#lastArrival.set(link, sent)
      trace.add(`gossip ${link} ${message.eventId}${isRepeat ? ' again' : ''}`)
      node.hear(message, from, { isRepeat })
    })
  }

  // ------------------------------------------------------------------------------------------------ requests

  /** @throws RequestError as the product's own client does */
  request(
    to: ServerName,
    request: WireRequest,
    options: AbortOptions & { readonly timeoutMs?: number } = {},
  ): Promise<JsonObject> {
    const { counts, random, scheduler, trace } = this.#parts
    const { from, method, uri } = request
    if (!this.isConnected(from, to)) return Promise.reject(new RequestError('unreachable', `no way to ${to}`))
    if (options.signal?.aborted) return Promise.reject(new RequestError('timeout', 'given up'))
    const what = `${from}>${to} ${method} ${pathOf(uri)}`
    trace.add(`ask ${what}`)
    return new Promise((resolve, reject) => {
      let isOpen = true
      const close = () => {
        isOpen = false
        this.#inFlight.delete(flight)
        cancelTimeout()
        options.signal?.removeEventListener('abort', giveUp)
      }
      const fail = (error: RequestError) => {
        if (!isOpen) return
        close()
        trace.add(`failed ${what} ${error.code}`)
        reject(error)
      }
      const flight: InFlight = { to, fail }
      const giveUp = () => fail(new RequestError('timeout', 'given up'))
      const cancelTimeout = scheduler.after(options.timeoutMs ?? DEFAULT_TIMEOUT, () =>
        fail(new RequestError('timeout', 'no answer in time')),
      )
      options.signal?.addEventListener('abort', giveUp, { once: true })
      this.#inFlight.add(flight)
      if (this.#strikes('requestLost')) {
        counts.requestLost++
        return
      }
      const isAnswerLost = this.#strikes('answerLost')
      scheduler.after(random.between(1, 40), () => {
        const node = this.#up.get(to)
        if (!node || !this.isConnected(from, to)) {
          fail(new RequestError('unreachable', 'the connection broke'))
          return
        }
        if (this.#strikes('requestRefused')) {
          counts.requestRefused++
          fail(new RequestError('refused', 'out of order', { status: 500, errcode: 'M_UNKNOWN' }))
          return
        }
        const answered = (give: () => void) => {
          if (isAnswerLost) {
            counts.answerLost++
            return
          }
          scheduler.after(random.between(1, 40), () => {
            if (!isOpen) return
            if (!this.isConnected(from, to)) {
              fail(new RequestError('unreachable', 'the connection broke'))
              return
            }
            give()
          })
        }
        node.answer({ ...request, content: throughText(request.content) }).then(
          (answer) => {
            const received = throughText(answer)
            answered(() => {
              close()
              resolve(received)
            })
          },
          (error: RequestError) => answered(() => fail(error)),
        )
      })
    })
  }

  #strikes(fault: LinkFault): boolean {
    const { random, rates } = this.#parts
    const hit = random.chance(rates[fault])
    return hit && !this.#isCalm
  }
}

/** What crosses a link is text: nodes share no objects. */
function throughText<Value extends JsonObject | undefined>(value: Value): Value {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as Value)
}

/** For the trace: no query, and no room, since there is one only. */
export function pathOf(uri: string): string {
  const [path = ''] = uri.split('?')
  return decodeURIComponent(path)
    .replace(/^\/_(?:matrix|starling)\/federation\/v\d\//, '')
    .replace(/![^/]+/, 'room')
}
