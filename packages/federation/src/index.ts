/**
 * @packageDocumentation
 * Rooms between nodes. Knows neither HTTP nor libp2p: it declares what it needs in `ports.ts`.
 *
 * @example Rooms on one node; `store`, `keys` and the rest are what the caller injects.
 * ```ts
 * const rooms = await openRooms({ store, keys, crypto, clock, logger, randomBytes })
 * const roomId = await rooms.engine.create({ creator, roomVersion: '12', creationContent: {}, events: [] })
 * await rooms.engine.send({ roomId, sender: creator, type: 'm.room.message', content: { msgtype: 'm.text', body: 'hello' } })
 * const { events } = await rooms.reader.timeline(roomId, { direction: 'b', limit: 10 })
 * await rooms.stop()
 * ```
 */

export type * from './contracts.ts'
export { Exchange } from './exchange/exchange.ts'
export type { JoinProgress } from './exchange/membership/joins-under-way.ts'
export type { ExchangeParts, InvitePolicy, RoomDirectory } from './exchange/ports.ts'
export { FederationNet, type FederationNetParts } from './net/federation-net.ts'
export { type NetKeys, openNetKeys } from './net/net-keys.ts'
export { DestinationOutbox } from './net/outbox/destination-outbox.ts'
export { PduPublisher } from './net/outbox/pdu-publisher.ts'
export { type Count, type Ground, type NetEngine, processTimers, type Timers } from './net/ports.ts'
export { AnswerError } from './net/requests/answer-error.ts'
export { AnswerTable } from './net/requests/answer-table.ts'
export { RequestError, type RequestErrorCode } from './net/requests/request-error.ts'
export type * from './ports.ts'
export type { FetchHistory } from './read/fetch-history.ts'
export { Retention } from './retention/retention.ts'
export type { RetentionLimits } from './retention/retention-policy.ts'
export type { RoomCreation } from './room/create-room.ts'
export { type OpenRooms, openRooms, type RoomsOptions } from './room/open-rooms.ts'
export * from './room/room-error.ts'
export { StoreWriteError } from './store/database.ts'
export { MIGRATIONS, type Migration, migrate, SCHEMA_VERSION, SchemaError } from './store/schema.ts'
