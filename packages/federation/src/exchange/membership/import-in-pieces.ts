import type { ServerName, UserId } from '@starling/protocol'
import type { RoomImport, Verdict } from '../../contracts.ts'
import { inOrderOf } from '../dag-order.ts'
import { limits } from '../limits.ts'
import { abandonJoin } from './abandon-join.ts'
import type { EntryParts } from './enter-by-plan.ts'

/**
 * Enters a room whose state has come in one answer, but is too much for one batch. What a crash leaves behind is not gone on with: the
 * answer is lost with the process.
 */
export async function importInPieces(
  parts: Pick<EntryParts, 'engine' | 'rows' | 'clock'>,
  room: RoomImport,
  target: UserId,
  resident: ServerName,
): Promise<Verdict> {
  const { roomId, roomVersion, event } = room
  const create = room.state.find(({ pdu }) => pdu.type === 'm.room.create')
  if (!create) return { kind: 'refused', eventId: event.pdu.eventId, reason: 'the state has no create event' }
  const staged = { roomId, roomVersion, createId: create.pdu.eventId }
  await parts.rows.put(
    { ...staged, event, resident, servers: [], authChain: [], state: [], digest: '' },
    target,
    parts.clock.now(),
  )
  try {
    const events = [create, ...inOrderOf([...room.authChain, ...room.state], 'authEvents')]
    for (let start = 0; start < events.length; start += limits.stateEventsPerPage) {
      await parts.engine.stageEvents(staged, events.slice(start, start + limits.stateEventsPerPage))
    }
    const verdict = await parts.engine.importStaged({
      ...staged,
      state: room.state.map(({ pdu }) => pdu.eventId),
      event,
    })
    if (verdict.kind === 'accepted') await parts.rows.remove(roomId, { entered: true })
    else await abandonJoin(parts, roomId)
    return verdict
  } catch (error) {
    await abandonJoin(parts, roomId)
    throw error
  }
}
