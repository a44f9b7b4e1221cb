import type { Stream } from '@libp2p/interface'
import type { ByteStream, PeerId, ProtocolLimits } from '@starling/federation'
import type { AbortOptions, Logger } from '@starling/protocol'
import { PerPeerCount } from './per-peer-count.ts'
import { plain, withTimeout } from './requests.ts'
import { asTransportError, TransportError } from './transport-error.ts'

/** Bytes read from the muxer and not yet asked for, above which the remote is told to wait. */
const HIGH_WATER_BYTES = 256 * 1024

/** A single read or write that makes no headway for this long fails, so that a stalled peer holds nothing for ever. */
const DEFAULT_STALL_TIMEOUT_MS = 60_000

export interface ByteStreamLimits {
  /** All bytes that the remote may send over the stream's life; beyond it the stream is reset. */
  readonly maxInboundBytes: number
  readonly stallTimeoutMs: number
}

const OUTBOUND_LIMITS: ByteStreamLimits = {
  maxInboundBytes: Number.MAX_SAFE_INTEGER,
  stallTimeoutMs: DEFAULT_STALL_TIMEOUT_MS,
}

/**
 * libp2p's event-driven stream as the port's pull-driven one. `pause` and `resume` pass the reader's pace on to the remote
 * (yamux stops widening its window), so at most `HIGH_WATER_BYTES` and one muxer window wait in memory.
 */
export function asByteStream(
  stream: Stream,
  remotePeer: PeerId,
  limits: ByteStreamLimits = OUTBOUND_LIMITS,
): ByteStream {
  const chunks: Uint8Array[] = []
  let buffered = 0
  let received = 0
  let failure: Error | undefined
  let wake: (() => void) | undefined

  const notify = () => {
    wake?.()
    wake = undefined
  }
  const fail = (error: Error) => {
    failure ??= error
    notify()
  }
  stream.addEventListener('message', ({ data }) => {
    const bytes = plain(data.subarray())
    received += bytes.byteLength
    if (received > limits.maxInboundBytes) {
      reset(new TransportError('too-large', `more than ${limits.maxInboundBytes} bytes on one stream`))
      return
    }
    chunks.push(bytes)
    buffered += bytes.byteLength
    if (buffered >= HIGH_WATER_BYTES && stream.readStatus === 'readable') stream.pause()
    notify()
  })
  stream.addEventListener('end', notify)
  stream.addEventListener('remoteCloseWrite', notify)
  stream.addEventListener('close', ({ error }) => {
    if (error) fail(asTransportError(error, 'stream closed', 'reset'))
    else notify()
  })

  const ended = () => stream.readableEnded || (stream.remoteWriteStatus !== 'writable' && stream.readBufferLength === 0)

  function reset(reason: Error): void {
    fail(reason)
    chunks.length = 0
    buffered = 0
    stream.abort(reason)
  }

  async function read(options?: AbortOptions): Promise<Uint8Array | undefined> {
    const signal = withTimeout(options?.signal, limits.stallTimeoutMs)
    for (;;) {
      const chunk = chunks.shift()
      if (chunk) {
        buffered -= chunk.byteLength
        if (buffered < HIGH_WATER_BYTES && stream.readStatus === 'paused') stream.resume()
        return chunk
      }
      if (failure) throw failure
      if (ended()) return undefined
      await woken(signal)
    }
  }

  /** Waits for the next event of the stream; one reader at a time. */
  async function woken(signal: AbortSignal): Promise<void> {
    if (wake) throw new TransportError('reset', 'the stream is being read already')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    wake = resolve
    const onAbort = () => reject(asTransportError(signal.reason, 'read', 'timeout', signal))
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      if (signal.aborted) onAbort()
      await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      wake = undefined
    }
  }

  return {
    remotePeer,
    read,
    async write(bytes, options) {
      if (failure) throw failure
      const signal = withTimeout(options?.signal, limits.stallTimeoutMs)
      try {
        if (!stream.send(bytes)) await drained(stream, signal)
      } catch (error) {
        throw asTransportError(error, 'write', 'reset', signal)
      }
    },
    async closeWrite() {
      try {
        await stream.close({ signal: AbortSignal.timeout(limits.stallTimeoutMs) })
      } catch (error) {
        throw asTransportError(error, 'close', 'reset')
      }
    },
    reset,
    async [Symbol.asyncDispose]() {
      if (stream.status === 'closed' || stream.status === 'aborted' || stream.status === 'reset') return
      const finished = stream.writeStatus !== 'writable' && ended() && chunks.length === 0
      if (finished) return
      // Whoever leaves before the end resets, as `close` alone would leave the remote writing into nothing.
      reset(new TransportError('reset', 'the stream was left before its end'))
    },
  }
}

/**
 * Resolves once the muxer takes bytes again. Not by `stream.onDrain`: in @libp2p/utils 7.4.1 its promise, once resolved, stays
 * so, and from the second wait on a writer is never held back (GOTCHAS 16).
 */
async function drained(stream: Stream, signal: AbortSignal): Promise<void> {
  while (stream.writableNeedsDrain) {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onDrain = () => resolve()
    const onClose = ({ error }: { readonly error?: Error }) => {
      reject(error ?? new TransportError('reset', 'the stream closed before all was written'))
    }
    const onAbort = () => reject(signal.reason)
    stream.addEventListener('drain', onDrain)
    stream.addEventListener('close', onClose)
    signal.addEventListener('abort', onAbort)
    try {
      signal.throwIfAborted()
      await promise
    } finally {
      stream.removeEventListener('drain', onDrain)
      stream.removeEventListener('close', onClose)
      signal.removeEventListener('abort', onAbort)
    }
  }
}

/** The stream handler that libp2p calls for each inbound stream of the protocol. */
export function serving(
  limits: ProtocolLimits,
  handler: (stream: ByteStream) => Promise<void>,
  log: Logger,
): (stream: Stream, from: PeerId) => Promise<void> {
  const open = new PerPeerCount(limits.maxConcurrentPerPeer)
  return async (stream, from) => {
    if (!open.enter(from)) {
      stream.abort(new TransportError('reset', 'too many streams at once'))
      log.debug({ peerId: from, protocol: stream.protocol }, 'stream refused: too many at once')
      return
    }
    const bytes = asByteStream(stream, from, {
      maxInboundBytes: limits.maxRequestBytes,
      stallTimeoutMs: limits.timeoutMs,
    })
    try {
      await handler(bytes)
      await bytes.closeWrite()
    } catch (error) {
      const failure = asTransportError(error, 'stream failed', 'reset')
      stream.abort(failure)
      log.debug({ peerId: from, protocol: stream.protocol, code: failure.code, err: error }, 'stream failed')
    } finally {
      open.leave(from)
    }
  }
}
