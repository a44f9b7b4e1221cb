import { type EventId, type JsonObject, type RoomId, redactPdu, stateSlot } from '@starling/protocol'
import { relationOf } from '../ingest/relations.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomWriter } from '../room/room-writer.ts'
import type { Database } from '../store/database.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { tables } from '../store/tables.ts'
import { RETENTION_TYPE } from './retention-policy.ts'

/** Timeline rows looked at in one turn of the room's writer: some milliseconds. */
const ROWS_PER_TURN = 100
/** Messages in a row that are young enough, after which the rest is taken for younger still. Clocks of senders differ. */
const YOUNG_IN_A_ROW = 1_000
/** Backward extremities looked at in one turn. */
const BACKWARD_PER_TURN = 200

export interface PruneParts {
  readonly database: Database
  readonly writer: RoomWriter
}

/** What a turn came to. `next`: the order to go on behind; undefined where the room is done. */
export interface PruneTurn {
  readonly pruned: number
  readonly next: number | undefined
  /** Young messages in a row, up to the last row looked at. */
  readonly young: number
  /** The order of the last message that went. */
  readonly last: number | undefined
}

export interface TurnOptions {
  /** `young` of the turn before. */
  readonly young?: number
  /** The last order that is looked at; without it the newest. */
  readonly to?: number
}

/** Removes old messages of rooms from the timeline and their content from the disk, a little at a time. */
export class TimelinePruner {
  readonly #parts: PruneParts

  constructor(parts: PruneParts) {
    this.#parts = parts
  }

  /** Content of the room's retention policy, if it has one. */
  policyOf(roomId: RoomId): Promise<JsonObject | undefined> {
    return this.#parts.writer.transact(roomId, async (transaction) => {
      const eventId = transaction.head?.state.map.get(stateSlot(RETENTION_TYPE, ''))
      return eventId === undefined ? undefined : (await transaction.event(eventId))?.pdu.content
    })
  }

  /**
   * One turn from `after` on, oldest first: one transaction, hence whole or not at all. What it leaves of a message sent before
   * `cutoff` (milliseconds since the Unix epoch) is its redacted form in the DAG: id, parents, authorisation and the states
   * around it, so that later events that name it are judged as ever and nobody fetches it. State events and forward
   * extremities stay whole; so does what has still to be published.
   */
  async turn(
    roomId: RoomId,
    cutoff: number,
    after: number | undefined,
    { young: youngBefore = 0, to }: TurnOptions = {},
  ): Promise<PruneTurn> {
    return this.#parts.writer.transact(roomId, async (transaction) => {
      const { head } = transaction
      if (!head) return { pruned: 0, next: undefined, young: 0, last: undefined }
      const rows = await this.#rows(head.number, after, to)
      const events = await transaction.events(rows.map(({ eventId }) => eventId))
      let [pruned, young] = [0, youngBefore]
      let last: number | undefined
      for (const { eventId, order } of rows) {
        const event = events.get(eventId)
        if (!event || event.pdu.stateKey !== undefined) continue
        if (event.pdu.originServerTs >= cutoff) young++
        else if (await mayGo(event, transaction)) {
          prune(event, transaction)
          pruned++
          young = 0
          last = order
        }
      }
      const done = rows.length < ROWS_PER_TURN || young >= YOUNG_IN_A_ROW
      return { pruned, next: done ? undefined : rows.at(-1)?.order, young, last }
    })
  }

  /** What came before pruned messages is not fetched any more: it would be older still. */
  async closeHistory(roomId: RoomId): Promise<void> {
    await this.#parts.writer.transact(roomId, async (transaction) => {
      if (!transaction.head) return
      const { number } = transaction.head
      const source = this.#parts.database.durable
      for await (const { key, value } of tables.backward.scan(source, [number], { limit: BACKWARD_PER_TURN })) {
        const children = await transaction.events(value.children)
        if ([...children.values()].some(({ pruned }) => !pruned)) continue
        transaction.write(tables.backward.del(key))
      }
    })
  }

  async #rows(room: StoredEvent['room'], after: number | undefined, to: number | undefined) {
    const rows: { readonly order: number; readonly eventId: EventId }[] = []
    const bounds = {
      ...(after === undefined ? {} : { from: after + 1 }),
      ...(to === undefined ? {} : { to }),
    }
    const options = { limit: ROWS_PER_TURN }
    for await (const { key, value } of tables.timeline.between(this.#parts.database.durable, [room], bounds, options)) {
      rows.push({ order: key[1], eventId: value })
    }
    return rows
  }
}

async function mayGo(event: StoredEvent, transaction: RoomTransaction): Promise<boolean> {
  if (event.order === undefined || transaction.requireHead().extremities.includes(event.pdu.eventId)) return false
  return (await tables.outbox.get(transaction, event.order)) === undefined
}

function prune(event: StoredEvent, transaction: RoomTransaction): void {
  const { order, incomplete: _, ...rest } = event
  if (order === undefined) return
  const { rules } = transaction.requireHead()
  transaction.write(tables.timeline.del([event.room, order]))
  const relation = relationOf(event.pdu)
  if (relation) transaction.write(tables.relation.del([event.room, relation.target, order]))
  transaction.putEvent({ ...rest, pdu: redactPdu(event.pdu, rules), pruned: true })
}
