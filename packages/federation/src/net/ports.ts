import type { AbortOptions, Clock, Crypto, KeyValueStore, Logger, RandomBytes } from '@starling/protocol'
import type { RoomEngine } from '../contracts.ts'

/** What net asks of the room engine. */
export type NetEngine = Pick<
  RoomEngine,
  | 'watch'
  | 'joinedRooms'
  | 'joinedServers'
  | 'isServerJoined'
  | 'roomVersion'
  | 'check'
  | 'currentState'
  | 'events'
  | 'inDag'
>

/** Timers of the process, so that tests turn the clock by hand. */
export interface Timers {
  /** Calls `run` once after `ms`; the returned function cancels it. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void
}

/** The process's own timers. */
export const processTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Counts what peers did wrong and what was done about it, labelled by a stable code. */
export type Count = (what: string, code: string) => void

/** What every part of net/ stands on. */
export interface Ground {
  readonly store: KeyValueStore
  readonly crypto: Crypto
  readonly clock: Clock
  readonly timers: Timers
  readonly randomBytes: RandomBytes
  readonly logger: Logger
  readonly count: Count
}

/** `signal` that also fires after `ms`. */
export function withTimeout(ms: number, options?: AbortOptions): AbortSignal {
  const timeout = AbortSignal.timeout(ms)
  return options?.signal ? AbortSignal.any([options.signal, timeout]) : timeout
}
