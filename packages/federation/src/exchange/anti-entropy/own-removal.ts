import type { AbortOptions, RoomId, ServerName } from '@starling/protocol'
import type { KeyRing, RoomEngine } from '../../contracts.ts'
import { isRemovalOf } from '../answers/removals.ts'
import type { CatchUp } from '../fetching/catch-up.ts'
import { limits } from '../limits.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'

interface OwnRemovalParts {
  readonly engine: RoomEngine
  readonly keys: Pick<KeyRing, 'serverName'>
  readonly carrier: EventCarrier
  readonly catchUp: Pick<CatchUp, 'settle'>
}

/**
 * Takes in the events by which a member says that this server's users were removed from a room, and what led to them, which that
 * member gives a removed server too. Nothing is believed that the events do not bear out; what removes nobody of ours is left out.
 */
export async function takeOwnRemovals(
  { engine, keys, carrier, catchUp }: OwnRemovalParts,
  from: ServerName,
  roomId: RoomId,
  told: unknown,
  options?: AbortOptions,
): Promise<void> {
  const roomVersion = await engine.roomVersion(roomId)
  if (roomVersion === undefined) return
  const list = await carrier.unpackList(told, roomVersion, limits.removalsTold, from)
  const ours = list?.events.filter(({ pdu }) => pdu.roomId === roomId && isRemovalOf(pdu, keys.serverName)) ?? []
  const here = await engine.inDag(ours.map(({ pdu }) => pdu.eventId))
  for (const removal of ours) if (!here.has(removal.pdu.eventId)) await catchUp.settle(removal, from, options)
}
