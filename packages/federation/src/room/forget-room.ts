import { type BatchOperation, type EventId, type RoomId, serverOf, type UserId } from '@starling/protocol'
import type { KeyRing } from '../contracts.ts'
import { emptyMap } from '../state/persistent-map.ts'
import type { Database } from '../store/database.ts'
import type { EventStore } from '../store/event-store.ts'
import type { RoomRegistry } from '../store/room-registry.ts'
import { type RoomNumber, tables } from '../store/tables.ts'
import type { JoinedServers } from './joined-servers.ts'
import { RoomError } from './room-error.ts'
import type { RoomHeads } from './room-heads.ts'
import type { RoomWriter } from './room-writer.ts'

/** Rows removed per batch, so that a large room does not hold up others' writes. */
const ROWS_PER_BATCH = 1_000

export interface ForgetParts {
  readonly database: Database
  readonly events: EventStore
  readonly heads: RoomHeads
  readonly registry: RoomRegistry
  readonly writer: RoomWriter
  readonly joinedServers: JoinedServers
  readonly keys: Pick<KeyRing, 'serverName'>
}

/**
 * Marks the user's left room as forgotten. When no local user is in it or can look back at it any more, all of it is removed.
 *
 * @throws RoomError `unknown-room`; `forbidden` while the user is in the room
 */
export async function forgetRoom(roomId: RoomId, userId: UserId, parts: ForgetParts): Promise<void> {
  const room = await parts.registry.get(roomId)
  if (!room) throw new RoomError('unknown-room', 'no such room')
  await parts.writer.transact(roomId, async (transaction) => {
    const row = await tables.membership.get(transaction, userId, room.number)
    if (!row) throw new RoomError('unknown-room', 'no such room')
    if (row.membership !== 'leave' && row.membership !== 'ban') {
      throw new RoomError('forbidden', 'leave the room before forgetting it')
    }
    if (await isWantedByOthers(room.number, userId, parts)) {
      transaction.write(tables.membership.put([userId, room.number], { ...row, forgotten: true }))
      return
    }
    await purge(roomId, room.number, parts)
    transaction.head = undefined
  })
}

/** Finishes what a crash interrupted. Called before anything else is written. */
export async function finishPurges(database: Database): Promise<void> {
  const rooms: RoomNumber[] = []
  for await (const { key } of tables.purge.scan(database.durable, [])) rooms.push(key[0])
  for (const room of rooms) await removeRows(room, database)
}

/** The room is unknown from the first batch on; the rest goes in portions. Runs as the room's only writer. */
async function purge(roomId: RoomId, room: RoomNumber, parts: ForgetParts): Promise<void> {
  const { database, registry, heads, events, joinedServers } = parts
  await database.submit([tables.purge.put([room], 0), tables.head.del([room]), tables.room.del([roomId])])
  registry.forget(roomId)
  heads.forget(roomId)
  joinedServers.set(roomId, emptyMap())
  for (const eventId of await removeRows(room, database)) events.forget(eventId)
}

/** Everything under the room's number, the number itself last. Resolves with the ids of the events removed. */
async function removeRows(room: RoomNumber, database: Database): Promise<EventId[]> {
  const eventIds: EventId[] = []
  const source = database.durable
  let batch: BatchOperation[] = []
  const remove = async (...operations: BatchOperation[]): Promise<void> => {
    batch.push(...operations)
    if (batch.length < ROWS_PER_BATCH) return
    await database.submit(batch)
    batch = []
  }
  for await (const { key } of tables.roomMember.scan(source, [room])) {
    await remove(tables.membership.del([key[1], room]), tables.roomMember.del(key))
  }
  for await (const { key } of tables.state.scan(source, [room])) await remove(tables.state.del(key))
  for await (const { key } of tables.stateChunk.scan(source, [room])) await remove(tables.stateChunk.del(key))
  const pending = tables.pendingRedaction.scan(source, [room])
  for await (const { key } of pending) await remove(tables.pendingRedaction.del(key))
  for await (const { key } of tables.citation.scan(source, [room])) await remove(tables.citation.del(key))
  for await (const { key } of tables.timeline.scan(source, [room])) await remove(tables.timeline.del(key))
  for await (const { key } of tables.stateChange.scan(source, [room])) await remove(tables.stateChange.del(key))
  for await (const { key } of tables.relation.scan(source, [room])) await remove(tables.relation.del(key))
  for await (const { key } of tables.joinedServer.scan(source, [room])) await remove(tables.joinedServer.del(key))
  for await (const { key } of tables.backward.scan(source, [room])) await remove(tables.backward.del(key))
  for await (const { key } of tables.historySpan.scan(source, [room])) await remove(tables.historySpan.del(key))
  const children = tables.furtherChildren.scan(source, [room])
  for await (const { key } of children) await remove(tables.furtherChildren.del(key))
  for await (const { key } of tables.roomEvent.scan(source, [room])) {
    eventIds.push(key[1])
    await remove(tables.event.del([key[1]]), tables.roomEvent.del(key))
  }
  batch.push(tables.reportedRoom.del([room]))
  await database.submit([...batch, tables.head.del([room]), tables.roomNumber.del([room]), tables.purge.del([room])])
  return eventIds
}

async function isWantedByOthers(room: RoomNumber, userId: UserId, { database, keys }: ForgetParts): Promise<boolean> {
  for await (const { key } of tables.roomMember.scan(database.durable, [room])) {
    if (key[1] === userId || serverOf(key[1]) !== keys.serverName) continue
    const row = await tables.membership.get(database, key[1], room)
    if (row && !row.forgotten) return true
  }
  return false
}
