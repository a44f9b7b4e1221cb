/**
 * @packageDocumentation
 * Rooms as hostile and unlucky as they come, made from fast-check plans: for property tests, the simulator and the fuzzer.
 *
 * @example Every room of version 12 that fast-check can think of
 * ```ts
 * fc.assert(fc.property(roomPlan({ roomVersions: ['12'] }), (plan) => {
 *   const { events, naive } = growRoom(plan)
 *   return events.every(({ eventId }) => naive.outcomes.has(eventId))
 * }))
 * ```
 */
export { type EventPlacement, GrowingRoom, type GrownRoom, growRoom } from './grow-room.ts'
export { PEOPLE, signerFor, signerOfServer, WATCHER } from './people.ts'
export type { SaidEvent } from './planned-content.ts'
export { EVENT_KINDS, type PlannedEvent, type RoomPlan, type RoomPlanOptions, roomPlan } from './room-plan.ts'
