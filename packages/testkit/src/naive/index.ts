/**
 * @packageDocumentation
 * A second resolver and auth checker, written from the spec's prose alone and used only to cross-check the product's. It is as slow
 * and as literal as it can be: one file per section of the spec, sets and recursion, no caches, no table of room versions, no code
 * shared with `@starling/protocol` (only its JSON types). When the two disagree, the spec says which is wrong.
 *
 * @example The state of a room from all its events
 * ```ts
 * const room = naiveRoomState(pdus, '12')
 * const current = room.stateAfter(room.forwardExtremities())
 * ```
 */
export { naiveAuthorise } from './authorisation-rules.ts'
export { type NaiveEvent, type NaiveEvents, type NaiveState, stateOf, tuple } from './event.ts'
export { naiveResolve } from './resolve.ts'
export * from './room-state.ts'
export type { NaiveVerdict } from './rule-input.ts'
export { naiveSoftFails } from './soft-failure.ts'
