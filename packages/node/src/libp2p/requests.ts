import type { Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { PeerId, ProtocolLimits, RequestHandler, RequestOptions } from '@starling/federation'
import type { Logger } from '@starling/protocol'
import { PerPeerCount } from './per-peer-count.ts'
import { asTransportError, TransportError } from './transport-error.ts'

/**
 * One request, one response per stream: each a frame of an unsigned varint length and that many bytes. A frame that claims
 * more than the limit resets the stream before a byte of it is stored (bad input 67), and so does one that does not arrive
 * whole in time. Streams are read by `lpStream`, never by `for await` (GOTCHAS 4).
 */

/** Answers longer than this fail unless the caller asks for more: a `send_join` answer of a large room is a few MiB. */
export const DEFAULT_MAX_RESPONSE_BYTES = 16 * 1024 * 1024

/** A request whose caller gave no signal, or one that never fires, still ends. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 30_000

/** Sends the request on a fresh stream and reads the answer. The stream is closed, or reset on any failure. */
export async function exchange(
  open: (signal: AbortSignal) => Promise<Stream>,
  request: Uint8Array,
  options?: RequestOptions,
): Promise<Uint8Array> {
  const signal = withTimeout(options?.signal, DEFAULT_REQUEST_TIMEOUT_MS)
  let stream: Stream | undefined
  try {
    stream = await open(signal)
    const frames = framesOf(stream, options?.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES)
    await frames.write(request, { signal })
    await stream.close({ signal })
    const response = await frames.read({ signal })
    return plain(response.subarray())
  } catch (error) {
    const failure = asTransportError(error, 'request failed', 'reset', signal)
    stream?.abort(failure)
    throw failure
  }
}

/** The stream handler that libp2p calls for each inbound request stream. */
export function answering(
  limits: ProtocolLimits,
  handler: RequestHandler,
  log: Logger,
): (stream: Stream, from: PeerId) => Promise<void> {
  const inFlight = new PerPeerCount(limits.maxConcurrentPerPeer)
  return async (stream, from) => {
    if (!inFlight.enter(from)) {
      stream.abort(new TransportError('reset', 'too many requests at once'))
      log.debug({ peerId: from, protocol: stream.protocol }, 'request refused: too many at once')
      return
    }
    const signal = AbortSignal.timeout(limits.timeoutMs)
    try {
      const frames = framesOf(stream, limits.maxRequestBytes)
      const request = await frames.read({ signal })
      const response = await abortable(handler(from, plain(request.subarray()), { signal }), signal)
      await frames.write(response, { signal })
      await stream.close({ signal })
    } catch (error) {
      const failure = asTransportError(error, 'request not answered', 'reset', signal)
      stream.abort(failure)
      log.debug({ peerId: from, protocol: stream.protocol, code: failure.code, err: error }, 'request not answered')
    } finally {
      inFlight.leave(from)
    }
  }
}

/** Without what Node's Buffer changes of a Uint8Array (`slice`, `toString`, equality in tests). */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The earlier of the caller's signal and our own timeout. */
export function withTimeout(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs)
  return signal ? AbortSignal.any([signal, timeout]) : timeout
}

function framesOf(stream: Stream, maxDataLength: number) {
  // Beside the frame itself the buffer holds at most its length prefix and what one read of the muxer brings more.
  return lpStream(stream, { maxDataLength, maxBufferSize: maxDataLength + READ_SLACK_BYTES })
}

const READ_SLACK_BYTES = 1024 * 1024

/** A handler that does not watch its signal must not hold the stream beyond the timeout. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    signal.throwIfAborted()
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
