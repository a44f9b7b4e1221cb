import type { JsonObject } from '@starling/protocol'
import { canonicalBytes, JsonError, parseStrictObject } from '@starling/protocol'
import type { ByteStream, LocalMedia, Transport } from '../../ports.ts'
import type { KeysProtocol } from '../keys-protocol/keys-protocol.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import { FrameReader, frame, MediaStreamError } from './frame-reader.ts'

export const MEDIA_PROTOCOL = '/starling/media/1'

export interface MediaServerParts {
  readonly ground: Ground
  readonly transport: Transport
  readonly keysProtocol: KeysProtocol
  readonly media: LocalMedia
}

interface MediaRequest {
  readonly mediaId: string
  /** First byte wanted. */
  readonly from: number
  /** Byte after the last wanted; undefined: to the end. */
  readonly to: number | undefined
}

/** Content-addressed names only: nothing in them can point anywhere. */
const MEDIA_ID = /^[A-Za-z0-9_-]{1,255}$/

/**
 * Serves `/starling/media/1`: `{media_id, from, to?}` in, `{status, size, content_type, filename?, from, to}` and the bytes
 * out; to peers authorised for some server only.
 */
export class MediaServer {
  readonly #parts: MediaServerParts

  constructor(parts: MediaServerParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const limits = {
      maxRequestBytes: netLimits.mediaHeaderBytes,
      maxConcurrentPerPeer: netLimits.mediaStreamsPerPeer,
      // Of one stream as a whole: a gigabyte at 1 MB/s.
      timeoutMs: 20 * 60_000,
    }
    await this.#parts.transport.handleStreams(MEDIA_PROTOCOL, limits, (stream) => this.#handle(stream))
  }

  async #handle(stream: ByteStream): Promise<void> {
    await using open = stream
    try {
      await this.#serve(open)
    } catch (error) {
      this.#parts.ground.count('media_failed', error instanceof MediaStreamError ? error.code : 'stream')
      this.#parts.ground.logger.debug({ peerId: stream.remotePeer, error }, 'serving media failed')
      stream.reset(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async #serve(stream: ByteStream): Promise<void> {
    const { keysProtocol, media } = this.#parts
    const server = await keysProtocol.identify(stream.remotePeer, idle())
    if (server === undefined) throw new MediaStreamError('malformed', 'a stranger asks for media')
    const request = readRequest(await new FrameReader(stream).header(idle()))
    const file = await media.open(request.mediaId)
    const to = Math.min(request.to ?? Number.MAX_SAFE_INTEGER, file?.size ?? 0)
    if (!file || request.from > file.size || request.from > to) {
      await this.#answer(stream, { status: file ? 416 : 404 })
      return stream.closeWrite()
    }
    await this.#answer(stream, {
      status: 200,
      size: file.size,
      content_type: file.contentType,
      from: request.from,
      to,
      ...(file.filename === undefined ? {} : { filename: file.filename.slice(0, 255) }),
    })
    if (to > request.from) {
      for await (const bytes of file.read(request.from, to)) await this.#write(stream, bytes)
    }
    await stream.closeWrite()
  }

  async #answer(stream: ByteStream, header: JsonObject): Promise<void> {
    await stream.write(frame(canonicalBytes(header)), idle())
  }

  /** A reader that takes nothing for `mediaIdleMs` loses the stream. */
  async #write(stream: ByteStream, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += netLimits.mediaChunkBytes) {
      await stream.write(bytes.subarray(at, at + netLimits.mediaChunkBytes), idle())
    }
  }
}

function idle(): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.timeout(netLimits.mediaIdleMs) }
}

function readRequest(bytes: Uint8Array): MediaRequest {
  const { media_id: mediaId, from, to } = parseHeader(bytes)
  const valid =
    typeof mediaId === 'string' &&
    MEDIA_ID.test(mediaId) &&
    typeof from === 'number' &&
    from >= 0 &&
    (to === undefined || (typeof to === 'number' && to >= from))
  if (!valid) throw new MediaStreamError('malformed', 'the request is malformed')
  return { mediaId, from, to }
}

/** A header as an object; throws `MediaStreamError` for anything else. */
export function parseHeader(bytes: Uint8Array): JsonObject {
  try {
    return parseStrictObject(bytes)
  } catch (cause) {
    if (cause instanceof JsonError) throw new MediaStreamError('malformed', 'the header is no JSON', { cause })
    throw cause
  }
}
