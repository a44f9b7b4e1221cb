import type { AbortOptions } from '@starling/protocol'
import type { ByteStream } from '../../ports.ts'
import { netLimits } from '../limits.ts'

/** The stream ended or spoke otherwise than the protocol says. */
export class MediaStreamError extends Error {
  override readonly name = 'MediaStreamError'
  readonly code: 'ended' | 'malformed' | 'hash-mismatch' | 'too-large'

  constructor(code: MediaStreamError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const LENGTH_BYTES = 4

/** Reads one length-prefixed header, then whatever bytes follow it. Each wait is bounded. */
export class FrameReader {
  readonly #stream: ByteStream
  #rest: Uint8Array = new Uint8Array()

  constructor(stream: ByteStream) {
    this.#stream = stream
  }

  async header(options?: AbortOptions): Promise<Uint8Array> {
    const length = Buffer.from(await this.#exactly(LENGTH_BYTES, options)).readUInt32BE()
    if (length > netLimits.mediaHeaderBytes) throw new MediaStreamError('malformed', 'the header is too long')
    return this.#exactly(length, options)
  }

  /** Next bytes; undefined at the end. */
  async next(options?: AbortOptions): Promise<Uint8Array | undefined> {
    if (this.#rest.length > 0) {
      const rest = this.#rest
      this.#rest = new Uint8Array()
      return rest
    }
    return this.#stream.read(options)
  }

  async #exactly(length: number, options: AbortOptions | undefined): Promise<Uint8Array> {
    let bytes = this.#rest
    while (bytes.length < length) {
      const chunk = await this.#stream.read(options)
      if (!chunk) throw new MediaStreamError('ended', 'the stream ended in the header')
      bytes = Buffer.concat([bytes, chunk])
    }
    this.#rest = bytes.subarray(length)
    return bytes.subarray(0, length)
  }
}

/** A header as it is written: its length in 4 bytes, big-endian, and itself. */
export function frame(header: Uint8Array): Uint8Array {
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(header.length)
  return Buffer.concat([length, header])
}
