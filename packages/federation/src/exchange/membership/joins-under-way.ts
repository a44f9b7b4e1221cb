import type { RoomId, ServerName, UserId } from '@starling/protocol'
import type { Timers } from '../ports.ts'
import type { MembershipChange } from './membership-change.ts'

/** How far a join is. */
export interface JoinProgress {
  readonly roomId: RoomId
  readonly userId: UserId
  /** Milliseconds since the Unix epoch. */
  readonly since: number
  /** `asking` a server to let us in, `fetching` the state, `entering` once it is all here, `waiting` for a server to be met. */
  readonly stage: 'asking' | 'fetching' | 'entering' | 'waiting'
  /** Events of the state that are here, and of how many; 0 of 0 while that is not known. */
  readonly events: number
  readonly total: number
  /** The server that let us in. */
  readonly resident: ServerName | undefined
}

export type JoinReport = (progress: Partial<Pick<JoinProgress, 'stage' | 'events' | 'total' | 'resident'>>) => void

/** Joins shorter than this are nobody's business; longer ones are told of, at most once in the interval. */
const SHOWN_AFTER_MS = 2_000
const INTERVAL_MS = 1_000

interface UnderWay {
  progress: JoinProgress
  shown: boolean
  readonly outcome: Promise<unknown>
}

/** Joins of rooms that this server is not in, while they last: asked for a second time, a join is the one under way. */
export class JoinsUnderWay {
  readonly #clock: { now(): number }
  readonly #timers: Timers
  readonly #joins = new Map<string, UnderWay>()
  readonly #watchers = new Set<(userId: UserId, joins: readonly JoinProgress[]) => void>()
  readonly #resting = new Set<UserId>()
  readonly #changed = new Set<UserId>()

  constructor(clock: { now(): number }, timers: Timers) {
    this.#clock = clock
    this.#timers = timers
  }

  list(): readonly JoinProgress[] {
    return [...this.#joins.values()].map(({ progress }) => progress)
  }

  /** The join under way of that user in that room. */
  find<T>({ roomId, target }: Pick<MembershipChange, 'roomId' | 'target'>): Promise<T> | undefined {
    return this.#joins.get(`${roomId} ${target}`)?.outcome as Promise<T> | undefined
  }

  /** Called with a user's joins that take long whenever one of them has changed, at most once a second, and at their end. */
  watch(watcher: (userId: UserId, joins: readonly JoinProgress[]) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  run<T>(
    { roomId, target }: Pick<MembershipChange, 'roomId' | 'target'>,
    work: (report: JoinReport) => Promise<T>,
  ): Promise<T> {
    const key = `${roomId} ${target}`
    const known = this.find<T>({ roomId, target })
    if (known !== undefined) return known
    const progress: JoinProgress = {
      roomId,
      userId: target,
      since: this.#clock.now(),
      stage: 'asking',
      events: 0,
      total: 0,
      resident: undefined,
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const join: UnderWay = { progress, shown: false, outcome: promise }
    this.#joins.set(key, join)
    const cancel = this.#timers.after(SHOWN_AFTER_MS, () => {
      join.shown = true
      this.#tell(target)
    })
    const end = () => {
      cancel()
      this.#joins.delete(key)
      if (join.shown) this.#tell(target)
    }
    const report: JoinReport = (change) => {
      join.progress = { ...join.progress, ...change }
      if (join.shown) this.#tell(target)
    }
    // Ended before whoever waits hears of it, so that asking again then begins anew.
    work(report).finally(end).then(resolve, reject)
    return promise
  }

  /** Tells anew what of a user is under way: after a restart nobody else says that an earlier run's join is over. */
  refresh(userId: UserId): void {
    this.#tell(userId)
  }

  /** Resolves once no join is under way. */
  async ended(): Promise<void> {
    while (this.#joins.size > 0) await Promise.allSettled([...this.#joins.values()].map(({ outcome }) => outcome))
  }

  #tell(userId: UserId): void {
    if (this.#resting.has(userId)) {
      this.#changed.add(userId)
      return
    }
    const joins = [...this.#joins.values()].filter(({ progress, shown }) => shown && progress.userId === userId)
    for (const watcher of this.#watchers)
      watcher(
        userId,
        joins.map(({ progress }) => progress),
      )
    this.#resting.add(userId)
    this.#timers.after(INTERVAL_MS, () => {
      this.#resting.delete(userId)
      if (this.#changed.delete(userId)) this.#tell(userId)
    })
  }
}
