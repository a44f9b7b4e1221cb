import type { ClientEvent, OwnerClient } from '@starling/testkit'

export interface SyncedRoom {
  readonly state?: { readonly events: readonly ClientEvent[] }
  readonly timeline: {
    readonly events: readonly SyncedEvent[]
    readonly limited?: boolean
    readonly prev_batch: string
  }
  readonly ephemeral: { readonly events: readonly EphemeralEvent[] }
  readonly account_data: { readonly events: readonly EphemeralEvent[] }
}

export interface SyncedEvent extends ClientEvent {
  readonly sender: string
}

export interface EphemeralEvent {
  readonly type: string
  readonly sender?: string
  readonly content: Readonly<Record<string, unknown>>
}

interface StrippedRoom {
  readonly events: readonly SyncedEvent[]
}

/** The parts of a `/sync` answer that these tests read. */
export interface SyncAnswer {
  readonly next_batch: string
  readonly rooms?: {
    readonly join?: Readonly<Record<string, SyncedRoom>>
    readonly leave?: Readonly<Record<string, SyncedRoom>>
    readonly invite?: Readonly<Record<string, { readonly invite_state: StrippedRoom }>>
    readonly knock?: Readonly<Record<string, { readonly knock_state: StrippedRoom }>>
  }
  readonly presence?: { readonly events: readonly EphemeralEvent[] }
  readonly to_device?: { readonly events: readonly EphemeralEvent[] }
  readonly device_lists?: { readonly changed: readonly string[]; readonly left: readonly string[] }
}

/** How long one long-poll may last. Milliseconds. */
const POLL_MS = 2_000
/** A bound for a hung test, not an expectation of speed. Milliseconds. */
const LIMIT_MS = 20_000

/** A client that syncs as clients do, from its first sync on, and remembers all that it was told. */
export class Follower {
  readonly client: OwnerClient
  readonly #filter: string
  readonly #told: SyncAnswer[] = []
  #looked = 0

  private constructor(client: OwnerClient, filter: object | undefined) {
    this.client = client
    this.#filter = filter ? `&filter=${encodeURIComponent(JSON.stringify(filter))}` : ''
  }

  static async start(client: OwnerClient, filter?: object): Promise<Follower> {
    const follower = new Follower(client, filter)
    await follower.#poll(0)
    return follower
  }

  /** Every answer so far, the first sync's included. */
  get told(): readonly SyncAnswer[] {
    return this.#told
  }

  /** Goes on syncing until an answer that was not looked at yet has what is sought; that answer counts as looked at. */
  async until<T>(what: string, find: (answer: SyncAnswer) => T | undefined | false): Promise<T> {
    const deadline = Date.now() + LIMIT_MS
    for (;;) {
      for (; this.#looked < this.#told.length; ) {
        const answer = this.#told[this.#looked++]
        const found = answer && find(answer)
        if (found !== undefined && found !== false) return found
      }
      if (Date.now() > deadline) throw new Error(`synced for ${LIMIT_MS} ms in vain for: ${what}`)
      await this.#poll(POLL_MS)
    }
  }

  /** What a client that starts now is told. */
  async anew(): Promise<SyncAnswer> {
    return (await this.client.ok('GET', 'sync?timeout=0')) as unknown as SyncAnswer
  }

  async #poll(timeoutMs: number): Promise<void> {
    const since = this.#told.at(-1)?.next_batch
    const from = since === undefined ? '' : `&since=${since}`
    this.#told.push(
      (await this.client.ok('GET', `sync?timeout=${timeoutMs}${from}${this.#filter}`)) as unknown as SyncAnswer,
    )
  }
}
