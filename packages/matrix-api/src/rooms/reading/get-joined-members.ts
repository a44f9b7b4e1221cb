import type { JsonObject, RoomId } from '@starling/protocol'
import { endpoint } from '../../http/endpoint.ts'
import type { RoomEvent } from '../../ports.ts'
import { requireJoined } from '../access.ts'
import { roomIdOf } from '../call-params.ts'
import { membershipIn, stringIn } from '../content.ts'
import type { ReadDeps } from '../deps.ts'
import { stateEvents } from '../state-reading.ts'

/** `GET /rooms/{roomId}/joined_members`: for those in the room now. */
export function getJoinedMembers(deps: ReadDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/{roomId}/joined_members',
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      await requireJoined(deps.reader, roomId, call.requester.userId)
      const members = await joinedMembers(deps, roomId)
      return { joined: Object.fromEntries(members.map((event) => [event.pdu.stateKey ?? '', profileIn(event)])) }
    },
  })
}

async function joinedMembers(deps: ReadDeps, roomId: RoomId): Promise<RoomEvent[]> {
  const state = await deps.reader.currentState(roomId)
  const members = await stateEvents(deps.reader, roomId, state, (type) => type === 'm.room.member')
  return members.filter((event) => membershipIn(event) === 'join')
}

/** matrix-nio refuses the whole answer without a `display_name`: who set none goes by the user id, as clients show it anyway. */
function profileIn(event: RoomEvent): JsonObject {
  const avatarUrl = stringIn(event.pdu.content, 'avatar_url')
  return {
    display_name: stringIn(event.pdu.content, 'displayname') ?? event.pdu.stateKey,
    ...(avatarUrl !== undefined && { avatar_url: avatarUrl }),
  }
}
