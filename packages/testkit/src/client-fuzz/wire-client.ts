import { connect, type Socket } from 'node:net'
import { parseAnswer, type WireAnswer } from './wire-answer.ts'

/** What came of a request. */
export type Outcome =
  | { readonly kind: 'answer'; readonly answer: WireAnswer }
  /** The server ended the connection without a word. */
  | { readonly kind: 'closed' }
  /** Nothing within the time given; the client has gone away since. */
  | { readonly kind: 'silent' }

export interface Exchange {
  readonly bytes: Uint8Array
  /** HEAD: answers have no body. */
  readonly hasBody: boolean
  readonly waitMs: number
  /** The end of the request is where the connection ends. */
  readonly thenEnd: boolean
}

/** Sends bytes as they are, over one connection that is kept as long as the server keeps it. */
export class WireClient {
  readonly #port: number
  #kept: Socket | undefined

  constructor(port: number) {
    this.#port = port
  }

  async exchange(exchange: Exchange): Promise<Outcome> {
    const kept = exchange.thenEnd ? undefined : this.#kept
    const outcome = await this.#once(kept ?? connect(this.#port, '127.0.0.1'), exchange)
    // A kept connection may have been closed while it was idle; that says nothing about this request.
    if (kept && outcome.kind === 'closed') return this.#once(connect(this.#port, '127.0.0.1'), exchange)
    return outcome
  }

  close(): void {
    this.#kept?.destroy()
    this.#kept = undefined
  }

  #once(socket: Socket, { bytes, hasBody, waitMs, thenEnd }: Exchange): Promise<Outcome> {
    return new Promise((resolve) => {
      let received = Buffer.alloc(0)
      let chunks: Buffer[] = []
      const finish = (outcome: Outcome, keep: boolean) => {
        clearTimeout(timer)
        socket
          .removeAllListeners('data')
          .removeAllListeners('end')
          .removeAllListeners('close')
          .removeAllListeners('error')
        if (this.#kept === socket) this.#kept = undefined
        // What a socket says after it is done with is nobody's concern, but must have a listener.
        socket.on('error', () => undefined)
        if (keep) this.#keep(socket)
        else socket.destroy()
        resolve(outcome)
      }
      const look = (ended: boolean) => {
        if (chunks.length > 0) received = Buffer.concat([received, ...chunks])
        chunks = []
        const parsed = parseAnswer(received, hasBody, ended)
        if (parsed) {
          const { answer, length, untilClose } = parsed
          const last = answer.headers.get('connection') === 'close'
          // What ends the connection may have been refused before its method was known: a HEAD then has a body.
          const extra = !thenEnd && !last && length < received.length
          const keep = !(ended || thenEnd || untilClose || extra || last)
          finish({ kind: 'answer', answer: extra ? { ...answer, broken: 'bytes after the answer' } : answer }, keep)
        } else if (ended) finish({ kind: 'closed' }, false)
      }
      const timer = setTimeout(() => finish({ kind: 'silent' }, false), waitMs)
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        look(false)
      })
      socket
        .once('end', () => look(true))
        .once('close', () => look(true))
        .once('error', () => look(true))
      if (thenEnd) socket.end(bytes)
      else socket.write(bytes)
    })
  }

  #keep(socket: Socket): void {
    this.#kept = socket
    socket.once('close', () => {
      if (this.#kept === socket) this.#kept = undefined
    })
  }
}
