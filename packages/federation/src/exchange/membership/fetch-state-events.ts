import type { AbortOptions, EventId, JsonObject, RoomVersionRules, ServerName } from '@starling/protocol'
import type { CheckedPdu, KeyRing, ServerRequests } from '../../contracts.ts'
import type { RequestError } from '../../net/requests/request-error.ts'
import { limits } from '../limits.ts'
import type { Count, Timers } from '../ports.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'
import { jsonSize } from '../wire/json-size.ts'
import { packIds } from '../wire/packed-ids.ts'
import { asArray, asObject } from '../wire/read-json.ts'
import { ask } from '../wire/request-failure.ts'

/** Pages that are fetched ahead of the oldest one that is not complete: what waits in memory. */
const WINDOW = 8
/** Requests under way to one server: what has come is checked while the next are made there. */
const PER_SERVER = 2
/** A state is asked for in so many pages, unless they would be smaller than that many events. */
const PAGES_AT_LEAST = 6
const SMALL_PAGE = 50
/** An answer with fewer characters than this was not cut off for its length. */
const FULL_CHARS = limits.charsPerStatePage / 4

export interface FetchParts {
  readonly requests: ServerRequests
  readonly carrier: EventCarrier
  readonly keys: Pick<KeyRing, 'peersOf'>
  readonly timers: Timers
  readonly count: Count
}

export interface FetchTarget {
  readonly roomId: string
  readonly roomVersion: string
  readonly rules: RoomVersionRules
}

/** Why no more events come. `liars`: whether every server was found out, or some could only not be reached. */
export class FetchFailedError extends Error {
  override readonly name = 'FetchFailedError'
  readonly code = 'join-fetch-failed'
}

interface Source {
  readonly server: ServerName
  /** Not connected at the start: looking for it costs more than asking those who are, as long as they answer. */
  readonly isFar: boolean
  running: number
  /** The same, and what is being checked of its answers. */
  pages: number
  strikes: number
  /** Not asked before its pause is over. */
  paused: boolean
  gone: boolean
}

interface Page {
  readonly ids: readonly EventId[]
  readonly got: Map<EventId, CheckedPdu>
  readonly askers: Set<ServerName>
  /** Who answered without what is still missing. */
  readonly without: Set<ServerName>
  /** One that was asked takes long: another may be asked too. */
  slow: boolean
  /** Handed over; what still comes for it is not looked at. */
  done: boolean
}

/**
 * Fetches state events by id from all servers of a room that will help, and yields them page by page in the order of the
 * ids, so that each page can be judged by those before it. Who has answered takes the next page, so the fast do most; a page that is
 * long under way is asked of another as well. Ids are hashes: who answers another event than was asked for, or one
 * whose signature is wrong, is not asked again.
 */
export class StateEventFetch {
  readonly #parts: FetchParts
  readonly #target: FetchTarget
  readonly #pages: readonly Page[]
  readonly #sources: Map<ServerName, Source>
  readonly #stopping = new AbortController()
  readonly #signal: AbortSignal
  readonly #cancels = new Set<() => void>()
  #first = 0
  #failure: Error | undefined
  #wake: (() => void) | undefined

  constructor(
    parts: FetchParts,
    target: FetchTarget,
    ids: readonly EventId[],
    servers: Iterable<ServerName>,
    options?: AbortOptions,
  ) {
    this.#parts = parts
    this.#target = target
    this.#pages = pagesOf(ids)
    this.#sources = new Map(
      [...servers].map((server) => {
        const isFar = parts.keys.peersOf(server).length === 0
        return [server, { server, isFar, running: 0, pages: 0, strikes: 0, paused: false, gone: false }]
      }),
    )
    const { signal } = this.#stopping
    this.#signal = options?.signal ? AbortSignal.any([options.signal, signal]) : signal
  }

  /** Servers that gave what they were not asked for, or forged. */
  readonly liars = new Set<ServerName>()

  /** Asks for the first pages before anybody waits for them. What begins is to be stopped. */
  begin(): void {
    this.#pump()
  }

  /** Ends what is under way. */
  stop(): void {
    this.#stopping.abort(new Error('the events are there, or nobody waits for them any more'))
    for (const cancel of this.#cancels) cancel()
  }

  /** @throws FetchFailedError where no server is left to ask; the reason of the signal */
  async *pages(): AsyncGenerator<readonly CheckedPdu[]> {
    const wake = () => this.#wake?.()
    this.#signal.addEventListener('abort', wake)
    try {
      while (this.#first < this.#pages.length) {
        this.#signal.throwIfAborted()
        if (this.#failure) throw this.#failure
        const page = this.#pages[this.#first] as Page
        if (isComplete(page)) {
          this.#first++
          page.done = true
          const events = page.ids.map((id) => page.got.get(id) as CheckedPdu)
          page.got.clear()
          this.#pump()
          yield events
          continue
        }
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#pump()
        if (!this.#failure && !isComplete(page)) await woken
      }
    } finally {
      this.#signal.removeEventListener('abort', wake)
      this.stop()
    }
  }

  /** Gives every server that is free a page. */
  #pump(): void {
    if (this.#signal.aborted) return
    for (let gave = true; gave; ) {
      gave = false
      for (const source of this.#sources.values()) {
        if (source.gone || source.paused || source.running >= PER_SERVER) continue
        if (source.isFar && !this.#needsFar()) continue
        const page = this.#pageFor(source)
        if (!page) continue
        gave = true
        this.#ask(source, page).catch((error: unknown) => this.#fail(error as Error))
      }
    }
    this.#judgeStandstill()
  }

  /** Somebody who is connected is slow, or none of them has a page. */
  #needsFar(): boolean {
    const near = this.#usable().filter(({ isFar }) => !isFar)
    const open = this.#pages.slice(this.#first, this.#first + WINDOW).filter((page) => !isComplete(page))
    return open.some((page) => page.slow || near.every(({ server }) => page.without.has(server)))
  }

  #pageFor({ server }: Source): Page | undefined {
    const open = this.#pages
      .slice(this.#first, this.#first + WINDOW)
      .filter((page) => !isComplete(page) && !page.askers.has(server) && !page.without.has(server))
    return open.find(({ askers }) => askers.size === 0) ?? open.find(({ slow }) => slow)
  }

  async #ask(source: Source, page: Page): Promise<void> {
    page.askers.add(source.server)
    source.pages++
    try {
      const missing = page.ids.filter((id) => !page.got.has(id))
      const answer = await this.#answer(source, page, missing)
      if (this.#signal.aborted || page.done) return
      if (answer.ok) {
        // The next page is made there while this one is checked here.
        this.#pump()
        await this.#take(source, page, missing, answer.value)
      } else this.#refused(source, page, answer.error)
    } finally {
      source.pages--
      page.askers.delete(source.server)
      this.#wake?.()
      this.#pump()
    }
  }

  async #answer(source: Source, page: Page, missing: readonly EventId[]) {
    source.running++
    const cancel = this.#later(limits.joinHedgeAfter, () => {
      page.slow = true
    })
    try {
      const uri = `/_starling/federation/v1/state_events/${encodeURIComponent(this.#target.roomId)}`
      return await ask(
        this.#parts.requests.request(
          source.server,
          'POST',
          uri,
          { ids: packIds(missing) },
          { signal: this.#signal, timeoutMs: limits.fetchTimeout, maxResponseBytes: limits.bytesPerPage },
        ),
      )
    } finally {
      cancel()
      source.running--
    }
  }

  async #take(source: Source, page: Page, missing: readonly EventId[], answer: JsonObject): Promise<void> {
    const list = asArray(answer.events)
    if (!list || list.length > missing.length) return this.#discredit(source, 'malformed')
    const wanted = new Set(missing)
    const objects = list.map(asObject).filter((one) => one !== undefined)
    const results = await this.#parts.carrier.unpackAll(objects, this.#target.roomVersion, source.server)
    if (this.#signal.aborted || page.done) return
    let fresh = 0
    for (const result of results) {
      if (!result.ok) return this.#discredit(source, result.code)
      const { pdu } = result.checked
      if (!wanted.has(pdu.eventId) || pdu.roomId !== this.#target.roomId)
        return this.#discredit(source, 'not-asked-for')
      if (!page.got.has(pdu.eventId)) fresh++
      page.got.set(pdu.eventId, result.checked)
    }
    if (objects.length < list.length) return this.#discredit(source, 'not-an-object')
    if (fresh > 0) {
      source.strikes = 0
      page.slow = false
    }
    if (isComplete(page)) return
    // What was cut off for its length goes on with whoever is free; else this server does not have it or does not want to.
    const isCut = list.length > 0 && jsonSize(list) >= FULL_CHARS
    if (!isCut) page.without.add(source.server)
    // Somebody who has a little each time is better than nobody.
    if (fresh > 0 && this.#usable().every(({ server }) => page.without.has(server))) page.without.clear()
  }

  #refused(source: Source, page: Page, error: RequestError): void {
    this.#parts.count('join_fetch_failed', error.errcode ?? error.code)
    source.strikes++
    if (error.code === 'malformed') this.#discredit(source, 'malformed')
    // 404 and 400: a server that does not know this way of asking.
    if (source.strikes > limits.joinStrikes || error.status === 404 || error.status === 400) source.gone = true
    if (source.gone) return
    page.slow = true
    source.paused = true
    // 403: the join has not reached it yet.
    const pause =
      error.status === 403 ? limits.joinRetryMember : limits.joinRetry * 2 ** Math.min(source.strikes - 1, 5)
    this.#later(pause, () => {
      source.paused = false
    })
  }

  #discredit(source: Source, code: string): void {
    this.#parts.count('join_source_discredited', code)
    this.liars.add(source.server)
    source.gone = true
  }

  #usable(): Source[] {
    return [...this.#sources.values()].filter(({ gone }) => !gone)
  }

  /** Nothing is under way, nobody pauses, and nobody can be asked: the oldest page will not come. */
  #judgeStandstill(): void {
    const page = this.#pages[this.#first]
    if (!page || isComplete(page) || page.askers.size > 0) return
    const usable = this.#usable()
    if (usable.some(({ paused, pages }) => paused || pages > 0)) return
    if (usable.some(({ server }) => !page.without.has(server))) return
    this.#fail(new FetchFailedError('no server gives the events of the state that are missing'))
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#wake?.()
  }

  #later(ms: number, then: () => void): () => void {
    const cancel = this.#parts.timers.after(ms, () => {
      this.#cancels.delete(cancel)
      then()
      this.#pump()
      this.#wake?.()
    })
    this.#cancels.add(cancel)
    return () => {
      this.#cancels.delete(cancel)
      cancel()
    }
  }
}

function isComplete(page: Page): boolean {
  return page.done || page.got.size === page.ids.length
}

function pagesOf(ids: readonly EventId[]): Page[] {
  const pages: Page[] = []
  // Some pages also of a small state, so that one is checked here while the next is made there; of equal length, since a last one of a
  // few events would cost as much time as the others.
  const fewest = Math.ceil(ids.length / limits.stateEventsPerPage)
  const size = Math.ceil(ids.length / Math.max(fewest, Math.min(PAGES_AT_LEAST, Math.ceil(ids.length / SMALL_PAGE))))
  // The first is short: until it is here there is nothing to check.
  for (let start = 0, end = Math.ceil(size / 2); start < ids.length; start = end, end += size) {
    pages.push({
      ids: ids.slice(start, end),
      got: new Map(),
      askers: new Set(),
      without: new Set(),
      slow: false,
      done: false,
    })
  }
  return pages
}
