import type { Connection, PeerId } from '@libp2p/interface'
import type { Logger } from '@starling/protocol'

/** Nobody speaks it: a refusal is a sign of life as good as any (GOTCHAS 2). */
const PROTOCOL = '/starling/alive/1'

const TICK_MS = 1000
/** Between two questions to a Starling node, and until one that does not answer is given up. */
const ASK_EVERY_MS = 3000
const SILENCE_MS = 4000
/** The same for strangers (nodes of the public DHT), and for who may be busy with a large file on a slow line. */
const ASK_STRANGERS_EVERY_MS = 15_000
const LONG_SILENCE_MS = 15_000
/** The own process was stopped or asleep if a tick is this late: what came meanwhile has not been read yet. */
const OVERSLEPT_MS = 1500
/** Streams that may fill the line for seconds. */
const BULK_PROTOCOL = '/starling/media/1'

export interface SilenceOptions {
  connections(): readonly Connection[]
  /** A Starling node: noticed sooner when it is gone. */
  isNeeded(peer: PeerId): boolean
  readonly log: Logger
}

interface Listening {
  /** When the question was asked that is not answered yet; milliseconds by `Date.now()`. */
  asked: number | undefined
  next: number
}

/**
 * Ends connections whose other end has gone without a word: a pulled cable, a power cut, a router that forgot. TCP alone keeps such a
 * connection for minutes, and when the network heals goes on only as late again as the cut was long. An ended connection is
 * redialled by the keeper, and the peer is met and compared with anew.
 *
 * In the place of libp2p's own monitor, whose one timeout for all connections doubles with each dead peer, up to a minute.
 */
export function endSilentConnections({ connections, isNeeded, log }: SilenceOptions): { stop(): void } {
  const listening = new WeakMap<Connection, Listening>()
  let lastTick = Date.now()
  const tick = () => {
    const now = Date.now()
    const overslept = now - lastTick - TICK_MS > OVERSLEPT_MS
    lastTick = now
    for (const connection of connections()) {
      if (connection.status !== 'open') continue
      const state = listening.get(connection) ?? { asked: undefined, next: 0 }
      listening.set(connection, state)
      const needed = isNeeded(connection.remotePeer)
      if (state.asked === undefined) {
        if (now < state.next) continue
        state.next = now + (needed ? ASK_EVERY_MS : ASK_STRANGERS_EVERY_MS)
        void ask(connection, state)
      } else if (overslept) state.asked = now
      else if (now - state.asked > patienceWith(connection, needed)) {
        log.debug({ peerId: connection.remotePeer.toString() }, 'a connection is silent and is ended')
        connection.abort(new Error('the other end is silent'))
      }
    }
  }
  const timer = setInterval(tick, TICK_MS)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

function patienceWith(connection: Connection, needed: boolean): number {
  const isBulky = connection.streams.some(({ protocol }) => protocol === BULK_PROTOCOL)
  return needed && !isBulky ? SILENCE_MS : LONG_SILENCE_MS
}

/** Whatever comes back, a refusal mostly, the other end is there. Never throws. */
async function ask(connection: Connection, state: Listening): Promise<void> {
  state.asked = Date.now()
  try {
    const signal = AbortSignal.timeout(2 * LONG_SILENCE_MS)
    const stream = await connection.newStream(PROTOCOL, { signal, runOnLimitedConnection: true })
    await stream.close({ signal })
  } catch {
    // "Unsupported protocol" is the answer that is expected; a closed connection is asked no more.
  } finally {
    state.asked = undefined
  }
}
