import type { Person } from './cast.ts'

/** Longest wait of an honest client, in milliseconds. */
const WAIT_MS = 15_000

/** An honest request was not answered as it has to be. */
export class HonestClientError extends Error {
  override readonly name = 'HonestClientError'
}

/** A well-behaved client beside the fuzzer: sets up what is asked about, and looks whether it is still served. */
export class HonestClient {
  readonly #base: string

  constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}`
  }

  /** @throws HonestClientError unless the answer is 200 and JSON. */
  async must(method: string, path: string, as: Person, body?: object | Uint8Array<ArrayBuffer>): Promise<Answer> {
    const headers = { authorization: `Bearer ${as.token}`, connection: 'close' }
    try {
      const response = await fetch(this.#base + path, {
        ...{ method, headers, signal: AbortSignal.timeout(WAIT_MS) },
        ...(body && { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
      })
      const text = await response.text()
      if (response.status !== 200)
        throw new HonestClientError(`${method} ${path}: ${response.status} ${text.slice(0, 200)}`)
      return JSON.parse(text) as Answer
    } catch (error) {
      if (error instanceof HonestClientError) throw error
      throw new HonestClientError(`${method} ${path} failed`, { cause: error })
    }
  }
}

/** The keys of answers that are looked at. */
export interface Answer {
  readonly room_id: string
  readonly event_id: string
  readonly filter_id: string
  readonly content_uri: string
  readonly version: string
  readonly next_batch: string
  readonly rooms?: {
    readonly join?: {
      readonly [roomId: string]: { readonly timeline: { readonly events: readonly { readonly event_id: string }[] } }
    }
  }
}
