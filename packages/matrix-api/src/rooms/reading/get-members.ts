import type { StateMap } from '@starling/protocol'
import { endpoint } from '../../http/endpoint.ts'
import { choiceQuery, roomIdOf } from '../call-params.ts'
import { membershipIn } from '../content.ts'
import type { ReadDeps } from '../deps.ts'
import { formFor, serialiseState } from '../event-serialiser.ts'
import { pageTokenQuery } from '../position-token.ts'
import { openRoom, type RoomView } from '../room-view.ts'
import { stateAtPlace, stateEvents } from '../state-reading.ts'

const MEMBERSHIPS = ['join', 'invite', 'knock', 'leave', 'ban'] as const

/** `GET /rooms/{roomId}/members`: now, when the user left, or at a token. */
export function getMembers(deps: ReadDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/{roomId}/members',
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      const at = pageTokenQuery(call.query, 'at')
      const wanted = choiceQuery(call.query, 'membership', MEMBERSHIPS)
      const unwanted = choiceQuery(call.query, 'not_membership', MEMBERSHIPS)
      const view = await openRoom(deps, roomId, call.requester.userId)
      const state = await stateFor(deps, view, at)
      const members = await stateEvents(deps.reader, roomId, state, (type) => type === 'm.room.member')
      const chosen = members.filter((event) => {
        if (wanted === undefined && unwanted === undefined) return true
        const membership = membershipIn(event)
        return membership === wanted || (unwanted !== undefined && membership !== unwanted)
      })
      return { chunk: await serialiseState(deps.reader, chosen, formFor(call.requester, deps.clock)) }
    },
  })
}

async function stateFor(deps: ReadDeps, view: RoomView, at: number | undefined): Promise<StateMap> {
  if (at === undefined || at >= (view.newest ?? Number.POSITIVE_INFINITY)) return view.state()
  if (view.newest === undefined && at >= (await deps.reader.lastChange(view.roomId))) return view.state()
  return stateAtPlace(deps.reader, view.roomId, at)
}
