import type { OwnerClient } from '@starling/testkit'

const DEVICE_ONLY = encodeURIComponent(
  JSON.stringify({ presence: { limit: 0 }, account_data: { limit: 0 }, room: { rooms: [] } }),
)

/** The second device: fetches what was sent to it, and only then, by its next sync, lets the server drop it. */
export class Inbox {
  readonly #marks: string[] = []
  #since: string | undefined

  /** Marks of all messages so far, in the order of arrival. */
  get marks(): readonly string[] {
    return this.#marks
  }

  async empty(client: OwnerClient): Promise<void> {
    for (;;) {
      const body = await client.ok(
        'GET',
        `sync?timeout=0&filter=${DEVICE_ONLY}${this.#since ? `&since=${this.#since}` : ''}`,
      )
      this.#since = String(body.next_batch)
      const { events = [] } = (body.to_device ?? {}) as { events?: { content: { mark?: unknown } }[] }
      if (events.length === 0) return
      this.#marks.push(...events.map(({ content }) => String(content.mark)))
    }
  }
}
