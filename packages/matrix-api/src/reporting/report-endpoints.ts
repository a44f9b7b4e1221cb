import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { type Call, type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { RoomReader } from '../ports.ts'
import { eventIdOf, roomIdOf, userIdOf } from '../rooms/call-params.ts'
import { openRoom } from '../rooms/room-view.ts'
import type { AccountData, LocalAccounts } from '../sync/ports.ts'
import type { Report, Reports } from './reports.ts'

export interface ReportDeps {
  readonly reports: Reports
  readonly reader: RoomReader
  readonly accountData: AccountData
  readonly accounts: LocalAccounts
}

/** UTF-16 units; longer is 400. */
const MAX_REASON_LENGTH = 4_000

const reason = z.string().max(MAX_REASON_LENGTH)
const withReason = z.object({ reason })
const perhapsWithReason = z.object({ reason: reason.optional() })

/** Client-Server API, "Reporting Content". */
export function reportEndpoints(deps: ReportDeps): readonly Endpoint[] {
  return [
    reportEndpoint(deps, '/_matrix/client/v3/rooms/{roomId}/report', (call) => roomReport(deps, call)),
    reportEndpoint(deps, '/_matrix/client/v3/rooms/{roomId}/report/{eventId}', (call) => eventReport(deps, call)),
    reportEndpoint(deps, '/_matrix/client/v3/users/{userId}/report', (call) => userReport(deps, call)),
  ]
}

function reportEndpoint(deps: ReportDeps, path: string, reportOf: (call: Call) => Promise<Omit<Report, 'reporter'>>) {
  return endpoint<'token'>({
    method: 'POST',
    path,
    auth: 'token',
    rate: 'report',
    async handle(call) {
      await deps.reports.add({ ...(await reportOf(call)), reporter: call.requester.userId })
      return {}
    },
  })
}

/** Of any room that this node knows: whoever is shown a room may report it, joined or not. */
async function roomReport({ reader }: ReportDeps, call: Call): Promise<Omit<Report, 'reporter'>> {
  const body = checkInput(withReason, call.body)
  const roomId = roomIdOf(call)
  const known =
    (await reader.roomVersion(roomId)) !== undefined || (await reader.membership(roomId, call.requester.userId))
  if (!known) throw new MatrixError(404, 'M_NOT_FOUND', 'The room was not found')
  return { roomId, reason: body.reason }
}

/** Only of an event that the reporter can see in a room that they are in. */
async function eventReport(deps: ReportDeps, call: Call): Promise<Omit<Report, 'reporter'>> {
  const body = checkInput(perhapsWithReason, call.body)
  const [roomId, eventId] = [roomIdOf(call), eventIdOf(call)]
  const { userId } = call.requester
  const notFound = new MatrixError(404, 'M_NOT_FOUND', 'The event was not found or you are not joined to the room')
  if ((await deps.reader.membership(roomId, userId))?.membership !== 'join') throw notFound
  const event = await deps.reader.event(roomId, eventId)
  // Not `shown`: people ignore somebody first and report them then.
  const [seen] = event ? await (await openRoom(deps, roomId, userId)).visibility.visible([event]) : []
  if (!seen) throw notFound
  return { roomId, eventId, userId: seen.pdu.sender, reason: body.reason ?? '' }
}

/** Of anybody; whether a user of another server exists, only that server knows. */
async function userReport({ accounts }: ReportDeps, call: Call): Promise<Omit<Report, 'reporter'>> {
  const body = checkInput(withReason, call.body)
  const userId = userIdOf(call)
  if (accounts.isLocal(userId) && !(await accounts.exists(userId))) {
    throw new MatrixError(404, 'M_NOT_FOUND', 'The user was not found')
  }
  return { userId, reason: body.reason }
}
