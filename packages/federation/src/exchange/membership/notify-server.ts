import type { Pdu, ServerName } from '@starling/protocol'
import type { KeyRing, RoomEngine, RoomSender } from '../../contracts.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'
import { v1 } from '../wire/uri.ts'

/** Servers told directly when this one leaves a room; one would do, as they pass it on among themselves. */
const MAX_TOLD = 10

interface NotifyParts {
  readonly engine: RoomEngine
  readonly keys: KeyRing
  readonly sender: RoomSender
  readonly carrier: EventCarrier
  readonly clock: { now(): number }
}

/** Sends a leave to a server that stays, through the durable outbox, as a transaction of one PDU named after the event. */
async function notifyServer(parts: NotifyParts, server: ServerName, event: Pdu): Promise<void> {
  const pdus = await parts.carrier.pack([event])
  await parts.sender.enqueueRequest(server, 'PUT', v1('send', [`member-${event.eventId.slice(1)}`]), {
    origin: parts.keys.serverName,
    origin_server_ts: parts.clock.now(),
    pdus,
  })
}

/** After the last local user has left: those who stay are told directly, because nobody compares extremities with us now. */
export async function notifyWhoStays(parts: NotifyParts, event: Pdu): Promise<void> {
  const staying = [...(await parts.engine.joinedServers(event.roomId))].filter((one) => one !== parts.keys.serverName)
  for (const server of staying.slice(0, MAX_TOLD)) await notifyServer(parts, server, event)
}
