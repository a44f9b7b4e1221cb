import type { SdkSession } from './sdk-types.ts'

export interface ClientAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** An event as the client API gives it. */
export interface ClientEvent {
  readonly event_id: string
  readonly type: string
  readonly state_key?: string
  readonly content: Readonly<Record<string, unknown>>
  readonly unsigned?: Readonly<Record<string, unknown>>
}

/** The server went away before it answered: nobody can tell what became of the request. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
}

/** Largest page that /messages and /sync give. */
const PAGE = 250

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

/** Longer than any request of these tests should take, so that a hung node fails its test instead of stopping it. */
const TIMEOUT_MS = 30_000

/** The owner's client on one session: plain HTTP, so that what was answered is known byte by byte. */
export class OwnerClient {
  readonly session: SdkSession

  constructor(session: SdkSession) {
    this.session = session
  }

  /**
   * `path` below `/_matrix/client/v3/`, or from the listener's root where it begins with a slash.
   * @throws Unanswered where the connection ends before the whole answer has come.
   */
  async call(method: Method, path: string, body?: object): Promise<ClientAnswer> {
    try {
      const target = path.startsWith('/') ? path : `/_matrix/client/v3/${path}`
      const response = await fetch(`${this.session.baseUrl}${target}`, {
        method,
        headers: { authorization: `Bearer ${this.session.accessToken}` },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body && { body: JSON.stringify(body) }),
      })
      return { status: response.status, body: (await response.json()) as ClientAnswer['body'] }
    } catch (cause) {
      throw new Unanswered(`${method} ${path}`, { cause })
    }
  }

  /** @throws Error for any answer but 200. */
  async ok(method: Method, path: string, body?: object): Promise<ClientAnswer['body']> {
    const answer = await this.call(method, path, body)
    if (answer.status !== 200)
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  /** The room's events after `known`, oldest first; all where it is undefined. */
  async eventsAfter(roomId: string, known: string | undefined): Promise<ClientEvent[]> {
    const newestFirst: ClientEvent[] = []
    let from = ''
    for (;;) {
      const page = await this.ok('GET', `rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=${PAGE}${from}`)
      for (const event of page.chunk as ClientEvent[]) {
        if (event.event_id === known) return newestFirst.reverse()
        newestFirst.push(event)
      }
      if (page.end === undefined) return newestFirst.reverse()
      from = `&from=${page.end}`
    }
  }

  /** The whole room from its beginning, walked forwards. */
  async wholeRoom(roomId: string): Promise<ClientEvent[]> {
    const events: ClientEvent[] = []
    let from = ''
    for (;;) {
      const page = await this.ok('GET', `rooms/${encodeURIComponent(roomId)}/messages?dir=f&limit=${PAGE}${from}`)
      events.push(...(page.chunk as ClientEvent[]))
      if (page.end === undefined) return events
      from = `&from=${page.end}`
    }
  }

  async stateOf(roomId: string): Promise<ClientEvent[]> {
    const { status, body } = await this.call('GET', `rooms/${encodeURIComponent(roomId)}/state`)
    if (status !== 200) throw new Error(`the state of ${roomId} answered ${status}: ${JSON.stringify(body)}`)
    return body as unknown as ClientEvent[]
  }
}
