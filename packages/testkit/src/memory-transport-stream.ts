import type { ByteStream, PeerId } from '@starling/federation'
import type { AbortOptions } from '@starling/protocol'
import { MemoryTransportError } from './memory-transport-error.ts'

/** Bytes that a writer may be ahead of its reader, as yamux's window: beyond them `write` waits. */
const WINDOW_BYTES = 256 * 1024

/** One direction of a stream. */
class Pipe {
  readonly #chunks: Uint8Array[] = []
  #buffered = 0
  #ended = false
  #failure: Error | undefined
  #changed = Promise.withResolvers<void>()

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (this.#ended) throw new MemoryTransportError('closed', 'this half of the stream is closed')
    while (this.#buffered >= WINDOW_BYTES && !this.#failure) await this.#change(signal)
    if (this.#failure) throw this.#failure
    signal?.throwIfAborted()
    this.#chunks.push(Uint8Array.from(bytes))
    this.#buffered += bytes.length
    this.#wake()
  }

  async read(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0 && !this.#ended && !this.#failure) await this.#change(signal)
    if (this.#failure) throw this.#failure
    const chunk = this.#chunks.shift()
    this.#buffered -= chunk?.length ?? 0
    this.#wake()
    return chunk
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  fail(reason: Error): void {
    this.#failure ??= reason
    this.#wake()
  }

  get ended(): boolean {
    return this.#ended && this.#chunks.length === 0
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }

  async #change(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    const { promise } = this.#changed
    if (!signal) return promise
    const aborted = Promise.withResolvers<never>()
    const abort = () => aborted.reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }
}

export interface StreamEnds {
  readonly near: ByteStream
  readonly far: ByteStream
  /** The connection under it is gone. */
  cut(): void
}

/** Both ends of a stream between two hosts. `far.remotePeer` is the one that opened it. */
export function streamPair(opener: PeerId, acceptor: PeerId): StreamEnds {
  const out = new Pipe()
  const back = new Pipe()
  const reset = (reason: Error) => {
    for (const pipe of [out, back])
      pipe.fail(new MemoryTransportError('reset', 'the stream was reset', { cause: reason }))
  }
  return {
    near: streamEnd(acceptor, back, out, reset),
    far: streamEnd(opener, out, back, reset),
    cut: () => reset(new MemoryTransportError('closed', 'the connection closed')),
  }
}

function streamEnd(remotePeer: PeerId, incoming: Pipe, outgoing: Pipe, reset: (reason: Error) => void): ByteStream {
  return {
    remotePeer,
    read: (options?: AbortOptions) => incoming.read(options?.signal),
    write: (bytes: Uint8Array, options?: AbortOptions) => outgoing.write(bytes, options?.signal),
    closeWrite: async () => outgoing.end(),
    reset,
    // As with yamux: leaving a stream whose other half still talks resets it.
    [Symbol.asyncDispose]: async () => {
      outgoing.end()
      if (!incoming.ended) incoming.fail(new MemoryTransportError('closed', 'the stream was left'))
    },
  }
}
