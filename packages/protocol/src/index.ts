/**
 * @packageDocumentation
 * Matrix rooms as pure functions: no clock, socket or disk beyond what is injected (`ports.ts`).
 */
export type * from './events/pdu.ts'
export type * from './ids/branded.ts'
export type * from './json/value.ts'
export type * from './ports.ts'
export * from './state/state-map.ts'
