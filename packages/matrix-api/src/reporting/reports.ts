import type { Clock, EventId, KeyValueStore, Logger, RoomId, UserId } from '@starling/protocol'
import type { Accounts } from '../accounts/accounts.ts'
import type { ServerNotices } from '../server-notices/server-notices.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'

/** What somebody found wrong. Exactly one of: an event in a room, a room, a user. */
export interface Report {
  readonly reporter: UserId
  readonly roomId?: RoomId
  readonly eventId?: EventId
  /** The reported user; for an event, its sender. */
  readonly userId?: UserId
  readonly reason: string
}

interface Row extends Report {
  /** Milliseconds since the Unix epoch. */
  readonly ts: number
  /** The owner has been told. */
  readonly told: boolean
}

/** Reports kept; beyond that the oldest goes first. The owner's notices room keeps what was told of it. */
const MAX_REPORTS = 1_000

/** `server_notice_type` of a report. */
const NOTICE_TYPE = 'org.starling.report'

/** Characters of a reason that the notice shows; the report keeps it whole. */
const SHOWN_REASON = 1_000

export interface ReportsDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly accounts: Pick<Accounts, 'owner'>
  readonly notices: Pick<ServerNotices, 'send'>
  readonly logger: Logger
  /** How many are kept, if other than `MAX_REPORTS`. */
  readonly maxReports?: number
}

/** Reports of local users (Client-Server API, "Reporting Content"): kept, and told to the node's owner by a server notice. */
export class Reports {
  readonly #deps: ReportsDeps
  readonly #table
  readonly #queue = new KeyedQueue()

  constructor(deps: ReportsDeps) {
    this.#deps = deps
    this.#table = defineTable<[order: number], Row>(deps.store, buckets.reports, 'n')
  }

  /** Durable when it resolves; the owner is told behind it, or after the next start. */
  async add(report: Report): Promise<void> {
    await this.#queue.run('add', async () => {
      const order = (await this.#newest()) + 1
      const limit = this.#deps.maxReports ?? MAX_REPORTS
      await this.#deps.store.batch([
        this.#table.put([order], { ...report, ts: this.#deps.clock.now(), told: false }),
        ...(order > limit ? [this.#table.del(order - limit)] : []),
      ])
    })
    void this.tell()
  }

  /** Newest first. */
  async list(limit = MAX_REPORTS): Promise<readonly Row[]> {
    const rows: Row[] = []
    for await (const { row } of this.#table.scan([], { reverse: true, limit })) rows.push(row)
    return rows
  }

  /** Tells the owner what they have not been told, oldest first. What fails stays for the next time. */
  tell(): Promise<void> {
    return this.#queue.run('tell', async () => {
      try {
        const owner = await this.#deps.accounts.owner()
        if (!owner) return
        for await (const { key, row } of this.#table.scan([])) {
          if (row.told) continue
          await this.#deps.notices.send(owner, {
            type: NOTICE_TYPE,
            body: textOf(row),
            id: `report ${key[0]} ${row.ts}`,
          })
          if (await this.#table.get(...key))
            await this.#deps.store.batch([this.#table.put(key, { ...row, told: true })])
        }
      } catch (error) {
        this.#deps.logger.warn({ error: String(error) }, 'the owner could not be told of a report; kept for later')
      }
    })
  }

  async #newest(): Promise<number> {
    for await (const { key } of this.#table.scan([], { reverse: true, limit: 1 })) return key[0]
    return 0
  }
}

function textOf({ reporter, roomId, eventId, userId, reason }: Row): string {
  const said = reason.trim() === '' ? 'No reason was given.' : `Reason: ${reason.trim().slice(0, SHOWN_REASON)}`
  if (eventId !== undefined) {
    return `${reporter} reported a message of ${userId ?? 'somebody'} in ${roomId}: event ${eventId}. ${said}`
  }
  return `${reporter} reported the ${roomId === undefined ? `user ${userId}` : `room ${roomId}`}. ${said}`
}
