/**
 * @packageDocumentation
 * The Matrix Client-Server API on express. Knows no libp2p and no DAG: it declares what it needs in `ports.ts`.
 */
export type * from './ports.ts'
