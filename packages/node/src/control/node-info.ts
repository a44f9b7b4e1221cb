/** What `GET /_starling/v1/node` answers and the ready file holds (DESIGN section 7). */
export interface NodeInfo {
  readonly version: string
  readonly pid: number
  readonly server_name: string
  /** The owner. */
  readonly user_id: string
  readonly peer_id: string
  /** Base URL of the client API. */
  readonly client_api: string
  /** URL of Element Web; null where it is off. */
  readonly element: string | null
  readonly multiaddrs: readonly string[]
}
