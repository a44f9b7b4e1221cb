import type { AbortOptions, KeyValueStore, Logger } from '@starling/protocol'
import type { Affected } from '../ports.ts'
import { Bucket } from './buckets.ts'
import { Table } from './table.ts'

/**
 * Positions reserved on disk at once. After a crash counting goes on from the end of the reservation, so positions never
 * go back. At one reservation per second 2^53 lasts for centuries.
 */
const RESERVATION = 65_536
/** A new reservation is written when this few are left: far more than can be used while it is written. */
const REFILL_AT = 32_768
/** Latest positions whose `Affected` is remembered for a `wait` that comes after them; the oldest are dropped first. */
const REMEMBERED = 4_096

const meta = new Table<[string], number>(Bucket.meta, ['text'])
const ROW = 'federation.positions'

export interface PendingPosition {
  readonly position: number
  done(affected: Affected): void
  abandon(): void
}

interface Waiter {
  readonly since: number
  readonly interest: (affected: Affected) => boolean
  wake(): void
}

/**
 * One counter for the whole node: allocated in order, shown in order. A position becomes visible only when it and all
 * before it are done or abandoned, so a reader never sees a gap that fills later. Fits matrix-api's `StreamPositions`.
 */
export class StreamPositionCounter {
  readonly #store: KeyValueStore
  readonly #logger: Logger
  readonly #waiters = new Set<Waiter>()
  /** Who asked to be told that a position is visible: at most one per write under way. */
  readonly #expected: { readonly position: number; shown(): void }[] = []
  /** Allocated and not visible: position → what it affects once settled, undefined while under way. */
  readonly #open = new Map<number, Affected | 'abandoned' | undefined>()
  readonly #recent: { readonly position: number; readonly affected: Affected }[] = []
  /** Below this, nothing is remembered of what concerned whom. */
  #forgotten: number
  #visible: number
  #last: number
  #reserved: number
  #reserving: Promise<void> | undefined

  private constructor(store: KeyValueStore, logger: Logger, last: number, reserved: number) {
    this.#store = store
    this.#logger = logger
    this.#last = last
    this.#visible = last
    this.#forgotten = last
    this.#reserved = reserved
  }

  /** Reads the high-water mark and durably reserves the first positions. */
  static async open(store: KeyValueStore, logger: Logger): Promise<StreamPositionCounter> {
    const last = (await meta.get(store, ROW)) ?? 0
    const reserved = last + RESERVATION
    await store.batch([meta.put([ROW], reserved)])
    return new StreamPositionCounter(store, logger, last, reserved)
  }

  current(): number {
    return this.#visible
  }

  /** @throws Error when the disk has refused reservations for so long that none is left. */
  allocate(): PendingPosition {
    if (this.#last >= this.#reserved) throw new Error('no stream positions are left: the database cannot be written')
    const position = ++this.#last
    this.#open.set(position, undefined)
    if (this.#reserved - this.#last < REFILL_AT) this.#refill()
    return {
      position,
      done: (affected) => this.#settle(position, affected),
      abandon: () => this.#settle(position, 'abandoned'),
    }
  }

  /**
   * True once a visible position beyond `since` concerns `interest`; also where `since` is older than what is remembered,
   * since the caller then has to look for itself. False after `timeoutMs` or when the signal fires.
   */
  wait(
    since: number,
    interest: (affected: Affected) => boolean,
    options: AbortOptions & { readonly timeoutMs: number },
  ): Promise<boolean> {
    const { signal, timeoutMs } = options
    if (this.#hasNews(since, interest)) return Promise.resolve(true)
    if (signal?.aborted || timeoutMs <= 0) return Promise.resolve(false)
    return new Promise((resolve) => {
      const finish = (news: boolean) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        this.#waiters.delete(waiter)
        resolve(news)
      }
      const waiter: Waiter = { since, interest, wake: () => finish(true) }
      const onAbort = () => finish(false)
      const timer = setTimeout(() => finish(false), timeoutMs)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(waiter)
    })
  }

  /** Resolves once this position is visible: for an acknowledgement after which everybody reads what was written. */
  shown(position: number): Promise<void> {
    if (position <= this.#visible) return Promise.resolve()
    return new Promise((resolve) => this.#expected.push({ position, shown: resolve }))
  }

  /** Gives back what is reserved and unused, so that a clean restart goes on where this run ended. */
  async stop(): Promise<void> {
    await this.#reserving
    this.#reserved = this.#last
    await this.#store.batch([meta.put([ROW], this.#last)])
  }

  #hasNews(since: number, interest: (affected: Affected) => boolean): boolean {
    if (since >= this.#visible) return false
    if (since < this.#forgotten) return true
    for (let index = this.#recent.length - 1; index >= 0; index--) {
      const entry = this.#recent[index]
      if (!entry || entry.position <= since) return false
      if (interest(entry.affected)) return true
    }
    return false
  }

  #settle(position: number, outcome: Affected | 'abandoned'): void {
    if (!this.#open.has(position) || this.#open.get(position) !== undefined) return
    this.#open.set(position, outcome)
    const shown: { readonly position: number; readonly affected: Affected }[] = []
    for (let next = this.#visible + 1; next <= this.#last; next++) {
      const settled = this.#open.get(next)
      if (settled === undefined) break
      this.#open.delete(next)
      this.#visible = next
      if (settled !== 'abandoned') shown.push({ position: next, affected: settled })
    }
    this.#remember(shown)
    if (shown.length > 0) this.#wake(shown)
    this.#tell()
  }

  #tell(): void {
    if (this.#expected.length === 0) return
    const due = this.#expected.filter(({ position }) => position <= this.#visible)
    const left = this.#expected.filter(({ position }) => position > this.#visible)
    this.#expected.splice(0, this.#expected.length, ...left)
    for (const { shown } of due) shown()
  }

  #remember(shown: readonly { readonly position: number; readonly affected: Affected }[]): void {
    this.#recent.push(...shown)
    // Trimmed in halves, so that dropping costs nothing per position.
    if (this.#recent.length < REMEMBERED * 2) return
    const dropped = this.#recent.splice(0, this.#recent.length - REMEMBERED)
    this.#forgotten = dropped.at(-1)?.position ?? this.#forgotten
  }

  #wake(shown: readonly { readonly position: number; readonly affected: Affected }[]): void {
    for (const waiter of [...this.#waiters]) {
      if (shown.some(({ position, affected }) => position > waiter.since && waiter.interest(affected))) waiter.wake()
    }
  }

  #refill(): void {
    if (this.#reserving !== undefined) return
    const reserved = this.#reserved + RESERVATION
    this.#reserving = this.#store
      .batch([meta.put([ROW], reserved)])
      .then(() => {
        this.#reserved = reserved
      })
      .catch((error: unknown) => this.#logger.error({ error }, 'stream positions could not be reserved'))
      .finally(() => {
        this.#reserving = undefined
      })
  }
}
