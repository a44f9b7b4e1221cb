import type { SingleKadDHT } from '@libp2p/kad-dht'
import type { PeerHint, PeerId } from '@starling/federation'
import type { AbortOptions, Logger } from '@starling/protocol'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import type { Notes } from './datastore.ts'

/** A whole look-up, and the announcement of one point: the public DHT answers in seconds or not at all (GOTCHAS 13). */
const FIND_TIMEOUT_MS = 20_000
const PROVIDE_TIMEOUT_MS = 90_000

/** Pause before a point that nobody took is tried again, doubling up to the cap. */
const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 5 * 60_000

const NOTE = 'rendezvous-points'

export interface DhtRendezvous {
  advertise(points: readonly string[]): Promise<void>
  find(point: string, options?: AbortOptions): AsyncGenerator<PeerHint>
  stop(): void
}

export interface DhtRendezvousOptions {
  readonly dht: SingleKadDHT
  readonly self: PeerId
  readonly notes: Notes
  /** Announced points are announced again after this long: records of the public DHT live 48 hours. */
  readonly refreshMs: number
  readonly log: Logger
}

/**
 * Rendezvous points as provider records: a point is the CID (raw, SHA-256) of its text, and a node that advertises it is a
 * provider. Records of stopped nodes linger, so what is found is a hint.
 */
export function dhtRendezvous({ dht, self, notes, refreshMs, log }: DhtRendezvousOptions): DhtRendezvous {
  const stopped = new AbortController()
  /** Replaced by each `advertise`; the loop of the earlier set ends then. */
  let round = new AbortController()

  async function provide(point: string, signal: AbortSignal): Promise<boolean> {
    if (dht.routingTable.size === 0) return false
    let taken = 0
    try {
      const options = { signal: AbortSignal.any([signal, AbortSignal.timeout(PROVIDE_TIMEOUT_MS)]) }
      for await (const event of dht.provide(await cidOf(point), options)) {
        if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') taken++
      }
    } catch (error) {
      log.debug({ err: error, taken }, 'rendezvous point not announced to all')
    }
    return taken > 0
  }

  /** Announces one point after the other, those that failed again soon, all of them again when they age. */
  async function keepFresh(points: readonly string[], signal: AbortSignal): Promise<void> {
    let due = [...points]
    let retryMs = FIRST_RETRY_MS
    while (!signal.aborted) {
      const failed: string[] = []
      for (const point of due) if (!(await provide(point, signal))) failed.push(point)
      const complete = failed.length === 0
      await pause(complete ? refreshMs : retryMs, signal)
      retryMs = complete ? FIRST_RETRY_MS : Math.min(retryMs * 2, MAX_RETRY_MS)
      due = complete ? [...points] : failed
    }
  }

  return {
    async advertise(points) {
      round.abort()
      round = new AbortController()
      const earlier = await notes.read(NOTE)
      const dropped = Array.isArray(earlier) ? earlier.filter((point) => !points.includes(point)) : []
      for (const point of dropped) await dht.cancelReprovide(await cidOf(String(point)))
      await notes.write(NOTE, points)
      const signal = AbortSignal.any([round.signal, stopped.signal])
      keepFresh(points, signal).catch((error: unknown) => {
        if (!signal.aborted) log.error({ err: error }, 'advertising on the DHT ended')
      })
    },
    async *find(point, options) {
      if (dht.routingTable.size === 0) return
      const timeout = AbortSignal.timeout(FIND_TIMEOUT_MS)
      const signal = AbortSignal.any([stopped.signal, timeout, ...(options?.signal ? [options.signal] : [])])
      const found = new Set<string>([self])
      try {
        for await (const event of dht.findProviders(await cidOf(point), { signal })) {
          if (event.name !== 'PROVIDER') continue
          for (const { id, multiaddrs } of event.providers) {
            const peerId = id.toString() as PeerId
            if (found.has(peerId)) continue
            found.add(peerId)
            yield { peerId, multiaddrs: multiaddrs.map(String) }
          }
        }
      } catch (error) {
        log.debug({ err: error }, 'DHT look-up ended early')
      }
    },
    stop: () => stopped.abort(),
  }
}

async function cidOf(point: string): Promise<CID> {
  return CID.createV1(raw.code, await sha256.digest(new TextEncoder().encode(`/starling/rendezvous/1/${point}`)))
}

/** Resolves after the pause, or as soon as the signal fires. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  timer.unref()
  const onAbort = () => resolve()
  signal.addEventListener('abort', onAbort, { once: true })
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', onAbort)
}
