/**
 * @packageDocumentation
 * Rooms between nodes. Knows neither HTTP nor libp2p: it declares what it needs in `ports.ts`.
 */
export type * from './ports.ts'
