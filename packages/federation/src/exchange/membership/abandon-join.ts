import type { RoomId } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import type { JoinRows } from './join-rows.ts'

/** Takes away what a join that came to nothing has left; the row that leads to it goes last. */
export async function abandonJoin(
  parts: { readonly engine: Pick<RoomEngine, 'abandonStaged'>; readonly rows: JoinRows },
  roomId: RoomId,
): Promise<void> {
  await parts.engine.abandonStaged(roomId)
  await parts.rows.remove(roomId)
}
