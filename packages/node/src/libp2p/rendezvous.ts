import type { PeerHint, Rendezvous } from '@starling/federation'
import type { AbortOptions, Logger } from '@starling/protocol'

/** One way to advertise and find: neighbours on the LAN and elsewhere, the DHT. */
export interface Finder {
  advertise(points: readonly string[]): Promise<void>
  find(point: string, options?: AbortOptions): AsyncIterable<PeerHint>
}

/** The port over several finders, asked at once. A peer that several finders know is told of once. */
export function joinedRendezvous(finders: readonly Finder[], log: Logger): Rendezvous {
  /** A finder that fails has nothing more to tell; the others have. */
  async function next(hints: AsyncIterator<PeerHint>): Promise<Step> {
    try {
      return { hints, result: await hints.next() }
    } catch (error) {
      log.warn({ err: error }, 'a rendezvous finder failed')
      return { hints, result: { done: true, value: undefined } }
    }
  }

  return {
    async advertise(points) {
      await Promise.all(finders.map((finder) => finder.advertise(points)))
    },
    async *find(point, options) {
      const ended = new AbortController()
      const signal = options?.signal ? AbortSignal.any([options.signal, ended.signal]) : ended.signal
      const seen = new Set<string>()
      const running = new Map(
        finders.map((finder) => {
          const hints = finder.find(point, { signal })[Symbol.asyncIterator]()
          return [hints, next(hints)]
        }),
      )
      try {
        while (running.size > 0 && !signal.aborted) {
          const { hints, result } = await Promise.race([...running.values(), aborted(signal)])
          if (!hints) return
          if (result.done) {
            running.delete(hints)
            continue
          }
          running.set(hints, next(hints))
          if (seen.has(result.value.peerId)) continue
          seen.add(result.value.peerId)
          yield result.value
        }
      } finally {
        // Whoever stops asking early, or whose signal fires, ends the look-ups that still run.
        ended.abort()
      }
    },
  }
}

interface Step {
  readonly hints: AsyncIterator<PeerHint> | undefined
  readonly result: IteratorResult<PeerHint>
}

async function aborted(signal: AbortSignal): Promise<Step> {
  const { promise, resolve } = Promise.withResolvers<Step>()
  const end = () => resolve({ hints: undefined, result: { done: true, value: undefined } })
  if (signal.aborted) end()
  else signal.addEventListener('abort', end, { once: true })
  return promise
}
