import { createHash, type Hash } from 'node:crypto'
import type { AbortOptions, ServerName } from '@starling/protocol'
import { canonicalBytes, decodeBase64Url } from '@starling/protocol'
import type { ByteStream, PeerId, Transport } from '../../ports.ts'
import { netLimits } from '../limits.ts'
import { type Ground, withTimeout } from '../ports.ts'
import type { Reach } from '../requests/reach.ts'
import { FrameReader, frame, MediaStreamError } from './frame-reader.ts'
import { MEDIA_PROTOCOL, parseHeader } from './media-server.ts'

/** Fits matrix-api's port of the same name. */
export interface RemoteMedia {
  readonly size: number
  readonly contentType: string
  readonly filename: string | undefined
  /** Fails with `MediaStreamError` if the file cannot be read to its end, or is not the one that its id names. */
  readonly bytes: AsyncIterable<Uint8Array>
}

export interface MediaClientParts {
  readonly ground: Ground
  readonly transport: Transport
  readonly reach: Reach
  /** `off` only in the twin test that shows what it is for. */
  readonly hashCheck?: 'on' | 'off'
}

/** A peer that could serve was not found. */
export class MediaUnreachableError extends Error {
  override readonly name = 'MediaUnreachableError'
  readonly code = 'unreachable'
}

interface Opened {
  readonly stream: ByteStream
  readonly reader: FrameReader
  readonly size: number
  readonly contentType: string
  readonly filename: string | undefined
}

const MAX_TEXT = 255
/** SHA-256 in unpadded base64url; `-` and more where the same content has another name or type. */
const CONTENT_ID = /^([A-Za-z0-9_-]{43})(?:-[A-Za-z0-9_-]{11})?$/

/** Reads files of other servers; goes on where it stopped if a stream breaks, over another peer of the server if need be. */
export class MediaClient {
  readonly #parts: MediaClientParts

  constructor(parts: MediaClientParts) {
    this.#parts = parts
  }

  /** Undefined where the server has no such file. @throws MediaUnreachableError */
  async open(server: ServerName, mediaId: string, options?: AbortOptions): Promise<RemoteMedia | undefined> {
    const first = await this.#open(server, mediaId, 0, options)
    if (!first) return undefined
    const { size, contentType, filename } = first
    return { size, contentType, filename, bytes: this.#read(server, mediaId, first, options) }
  }

  async *#read(
    server: ServerName,
    mediaId: string,
    first: Opened,
    options: AbortOptions | undefined,
  ): AsyncGenerator<Uint8Array> {
    const hash = this.#hashOf(mediaId)
    let opened: Opened | undefined = first
    let at = 0
    let resumes = 0
    try {
      while (at < first.size) {
        const chunk: Uint8Array | Error = await this.#next(opened, options)
        if (chunk instanceof Error) {
          await opened?.stream[Symbol.asyncDispose]()
          opened = undefined
          if (options?.signal?.aborted || resumes++ >= netLimits.mediaResumes) throw chunk
          this.#parts.ground.logger.debug({ server, at, error: chunk }, 'a media stream broke and is resumed')
          opened = await this.#resume(server, mediaId, at, first.size, options)
          continue
        }
        if (at + chunk.length > first.size) throw new MediaStreamError('too-large', 'more bytes than announced')
        at += chunk.length
        hash?.expected.update(chunk)
        yield chunk
      }
      if (hash && !hash.expected.digest().equals(hash.digest)) {
        throw new MediaStreamError('hash-mismatch', 'the file is not the one that its id names')
      }
    } finally {
      await opened?.stream[Symbol.asyncDispose]()
    }
  }

  async #next(opened: Opened | undefined, options: AbortOptions | undefined): Promise<Uint8Array | Error> {
    if (!opened) return new MediaStreamError('ended', 'the stream could not be resumed')
    try {
      const chunk = await opened.reader.next({ signal: withTimeout(netLimits.mediaIdleMs, options) })
      return chunk ?? new MediaStreamError('ended', 'the stream ended early')
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }

  async #resume(
    server: ServerName,
    mediaId: string,
    from: number,
    size: number,
    options: AbortOptions | undefined,
  ): Promise<Opened | undefined> {
    try {
      const opened = await this.#open(server, mediaId, from, options)
      if (opened?.size === size) return opened
      await opened?.stream[Symbol.asyncDispose]()
    } catch (error) {
      if (!(error instanceof MediaUnreachableError)) throw error
    }
    return undefined
  }

  async #open(
    server: ServerName,
    mediaId: string,
    from: number,
    options: AbortOptions | undefined,
  ): Promise<Opened | undefined> {
    let cause: unknown
    for (const peer of (await this.#parts.reach.peersOf(server, options)).slice(0, netLimits.peersTried)) {
      try {
        return await this.#ask(peer, mediaId, from, options)
      } catch (error) {
        cause = error
        this.#parts.ground.logger.debug({ server, peerId: peer, error }, 'a peer did not serve media')
      }
    }
    throw new MediaUnreachableError(`no peer of ${server} served the file`, { cause })
  }

  async #ask(
    peer: PeerId,
    mediaId: string,
    from: number,
    options: AbortOptions | undefined,
  ): Promise<Opened | undefined> {
    const signal = withTimeout(netLimits.mediaIdleMs, options)
    const stream = await this.#parts.transport.openStream(peer, MEDIA_PROTOCOL, { signal })
    try {
      await stream.write(frame(canonicalBytes({ media_id: mediaId, from })), { signal })
      await stream.closeWrite()
      const reader = new FrameReader(stream)
      const header = parseHeader(await reader.header({ signal }))
      if (header.status === 404) {
        await stream[Symbol.asyncDispose]()
        return undefined
      }
      const { size, content_type: type, filename } = header
      if (header.status !== 200 || typeof size !== 'number' || size < 0 || header.from !== from) {
        throw new MediaStreamError('malformed', 'the answer is malformed')
      }
      if (size > netLimits.mediaBytes) throw new MediaStreamError('too-large', `a file of ${size} bytes`)
      return {
        stream,
        reader,
        size,
        contentType: typeof type === 'string' && type.length <= MAX_TEXT ? type : 'application/octet-stream',
        filename: typeof filename === 'string' && filename.length <= MAX_TEXT ? filename : undefined,
      }
    } catch (error) {
      await stream[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Where the id carries a SHA-256. */
  #hashOf(mediaId: string): { readonly digest: Uint8Array; readonly expected: Hash } | undefined {
    const digest = decodeBase64Url(CONTENT_ID.exec(mediaId)?.[1], { canonical: true })
    if (digest?.length !== 32 || this.#parts.hashCheck === 'off') return undefined
    return { digest, expected: createHash('sha256') }
  }
}
