import type { JsonObject, Pdu, RoomId, ServerName } from '@starling/protocol'
import { encodeBase64Url, parseUserId, type Sha256, serverOf } from '@starling/protocol'
import type { OutboxRow } from '../../contracts.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import type { DestinationOutbox } from './destination-outbox.ts'
import { OutboxFullError } from './destination-rows.ts'

/**
 * The server of the user whom this event of a local user kicks, bans, unbans or takes an invite back from; undefined where it
 * does none of that to a user of another server.
 */
export function removedServer(event: Pdu, self: ServerName): ServerName | undefined {
  if (event.type !== 'm.room.member' || serverOf(event.sender) !== self || event.sender === event.stateKey)
    return undefined
  const { membership } = event.content
  const target = membership === 'leave' || membership === 'ban' ? parseUserId(event.stateKey) : undefined
  const server = target && serverOf(target)
  return server === self ? undefined : server
}

export interface RemovalNoticesParts {
  readonly ground: Pick<Ground, 'clock' | 'crypto' | 'logger'>
  readonly serverName: ServerName
  readonly destinations: Pick<DestinationOutbox, 'addRequest'>
  isServerJoined(roomId: RoomId, server: ServerName): boolean
  /** The event as it travels. */
  carried(event: Pdu): Promise<JsonObject>
}

/**
 * A removed server hears of it though the room's topic does not reach it any more. The event's outbox row is written in the
 * event's own batch; the notice stands in the durable outbox of its destination before that row goes. So a crash at any
 * moment leaves one of the two, and at worst the notice is sent twice, under one transaction id.
 */
export class RemovalNotices {
  readonly #parts: RemovalNoticesParts
  /** Rows that wait and whose notice is written; the oldest is forgotten first, and notified again. */
  readonly #done = new Set<OutboxRow['id']>()

  constructor(parts: RemovalNoticesParts) {
    this.#parts = parts
  }

  /** Durable when it resolves. */
  async owe({ id, roomId, pdu }: OutboxRow): Promise<void> {
    const { serverName } = this.#parts
    const server = removedServer(pdu, serverName)
    if (!server || this.#done.has(id) || this.#parts.isServerJoined(roomId, server)) return
    const uri = `/_matrix/federation/v1/send/member-${this.#nameOf(pdu)}`
    const content = {
      origin: serverName,
      origin_server_ts: this.#parts.ground.clock.now(),
      pdus: [await this.#parts.carried(pdu)],
    }
    try {
      await this.#parts.destinations.addRequest(server, 'PUT', uri, content)
    } catch (error) {
      if (!(error instanceof OutboxFullError)) throw error
      this.#parts.ground.logger.warn(
        { server, code: error.code },
        'a removed server could not be noted as owed a notice',
      )
    }
    this.#done.add(id)
    const [oldest] = this.#done
    if (this.#done.size > netLimits.outboxKept && oldest !== undefined) this.#done.delete(oldest)
  }

  /** Ids of room versions 1 to 3 hold characters that a path does not. */
  #nameOf({ eventId }: Pdu): string {
    const { sha256 }: { readonly sha256: Sha256 } = this.#parts.ground.crypto
    return encodeBase64Url(sha256(new TextEncoder().encode(eventId))).slice(0, 22)
  }
}
