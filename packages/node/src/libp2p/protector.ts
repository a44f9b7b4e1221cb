import { randomBytes } from 'node:crypto'
import type { AbortOptions, ConnectionProtector, MultiaddrConnection } from '@libp2p/interface'
import { AbstractMultiaddrConnection, byteStream } from '@libp2p/utils'
import sodium from 'sodium-native'

/**
 * The pre-shared key of a private network (libp2p "Pre-shared Key Based Private Networks" v1: a 24-byte nonce each way, then
 * XSalsa20 over everything): the same bytes on the wire as `@libp2p/pnet`, which cannot be used because its cipher's shared
 * WASM memory is torn by one write over ~0.65 MB (GOTCHAS 1).
 */
export function preSharedKeyProtector(preSharedKey: Uint8Array): () => ConnectionProtector {
  return () => ({
    async protect(connection: MultiaddrConnection, options?: AbortOptions): Promise<MultiaddrConnection> {
      const signal = options?.signal ?? AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS)
      const localNonce = randomBytes(sodium.crypto_stream_NONCEBYTES)
      const bytes = byteStream(connection)
      const [remoteNonce] = await Promise.all([
        bytes.read({ bytes: sodium.crypto_stream_NONCEBYTES, signal }),
        bytes.write(localNonce, { signal }),
      ])
      return new SealedConnection(
        bytes.unwrap(),
        keyStream(preSharedKey, localNonce),
        keyStream(preSharedKey, Buffer.from(remoteNonce.subarray())),
      )
    },
  })
}

const HANDSHAKE_TIMEOUT_MS = 10_000

/** Bytes ciphered at a time: bounds the copy that one write makes, whatever the message's size. */
const CHUNK_BYTES = 64 * 1024

/** Enciphers, and equally deciphers, the next bytes of one direction. */
type KeyStream = (input: Uint8Array) => Buffer

function keyStream(key: Uint8Array, nonce: Buffer): KeyStream {
  const state = Buffer.alloc(sodium.crypto_stream_xor_STATEBYTES)
  sodium.crypto_stream_xor_init(state, nonce, Buffer.from(key))
  return (input) => {
    const output = Buffer.allocUnsafe(input.byteLength)
    sodium.crypto_stream_xor_update(state, output, Buffer.from(input.buffer, input.byteOffset, input.byteLength))
    return output
  }
}

/** libp2p's own base class does the buffering and the states; only the bytes are changed here. */
class SealedConnection extends AbstractMultiaddrConnection {
  readonly #inner: MultiaddrConnection
  readonly #seal: KeyStream

  constructor(inner: MultiaddrConnection, seal: KeyStream, open: KeyStream) {
    super({ remoteAddr: inner.remoteAddr, direction: inner.direction, log: inner.log.newScope('psk') })
    this.#inner = inner
    this.#seal = seal
    inner.addEventListener('message', (event) => {
      for (const part of partsOf(event.data)) this.onData(open(part))
    })
    inner.addEventListener('drain', () => this.onMuxerDrain())
    inner.addEventListener('close', (event) => {
      if (event.error === undefined) this.onTransportClosed()
      else if (event.local) this.abort(event.error)
      else this.onRemoteReset()
    })
  }

  override sendData(data: Bytes): { sentBytes: number; canSendMore: boolean } {
    let canSendMore = true
    for (const part of partsOf(data)) canSendMore = this.#inner.send(this.#seal(part))
    return { sentBytes: data.byteLength, canSendMore }
  }

  override async sendClose(options?: AbortOptions): Promise<void> {
    await this.#inner.close(options)
  }

  override sendReset(error: Error): void {
    this.#inner.abort(error)
  }

  override sendPause(): void {
    this.#inner.pause()
  }

  override sendResume(): void {
    this.#inner.resume()
  }
}

type Bytes = Parameters<AbstractMultiaddrConnection['sendData']>[0] | Uint8Array

function* partsOf(data: Bytes): Generator<Uint8Array> {
  const parts = data instanceof Uint8Array ? [data] : data
  for (const part of parts) {
    for (let from = 0; from < part.byteLength; from += CHUNK_BYTES) yield part.subarray(from, from + CHUNK_BYTES)
  }
}
