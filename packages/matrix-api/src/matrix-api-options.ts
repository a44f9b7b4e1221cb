import type { Clock, Crypto, KeyValueStore, Logger, RandomBytes, ServerName } from '@starling/protocol'
import type { Registration } from './accounts/deps.ts'
import type { RequestRecord } from './http/app.ts'
import type { PublicFetchDeps } from './http/outbound/public-fetch.ts'
import type { MediaLimits } from './media/local-media.ts'
import type { Ephemeral, Outbound, RemoteServers, RoomReader, Rooms, StreamPositions, UserSearch } from './ports.ts'
import type { PushDeliveryDeps } from './push/delivery/push-delivery.ts'
import type { VoipSettings } from './voip/voip-settings.ts'

/** What the API stands on; `node` supplies it all. */
export interface MatrixApiPorts {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly logger: Logger
  readonly randomBytes: RandomBytes
  readonly ed25519: Crypto['ed25519']
  readonly positions: StreamPositions
  readonly rooms: Rooms
  readonly reader: RoomReader
  readonly ephemeral: Ephemeral
  readonly outbound: Outbound
  readonly remote: RemoteServers
  readonly userSearch: UserSearch
}

export interface MatrixApiOptions {
  readonly serverName: ServerName
  /** Folder for media files, beside the database. */
  readonly mediaDirectory: string
  /** Default off. */
  readonly registration?: Registration
  /** Default true. */
  readonly rateLimits?: boolean
  /**
   * Names (without port) under which the listener may be addressed; for a loopback listener `LOOPBACK_HOSTS`. Undefined:
   * any, for listeners beyond loopback.
   */
  readonly allowedHosts?: readonly string[] | undefined
  /**
   * Origins that the node itself serves (Element Web), to which a login on this device leads back without further asking.
   * Asked at each login, as ports are known only once listening.
   */
  readonly trustedOrigins?: () => readonly string[]
  /** Where clients reach this API, if that is not what they asked for (behind a proxy). */
  readonly publicBaseUrl?: string
  readonly mediaLimits?: Partial<MediaLimits>
  /** Whether this node fetches the pages that links lead to, for clients to show. Default false (docs/decisions/0016). */
  readonly urlPreviews?: boolean
  /** For tests: another way to the pages. */
  readonly previewing?: PublicFetchDeps
  /** Told to every user once, and again whenever it changes. */
  readonly messageOfTheDay?: string | undefined
  /** TURN and MatrixRTC; default none. */
  readonly voip?: VoipSettings
  /** Origins (`http://192.168.1.2:8080`) of push gateways on the own network; all others have to be public and https. */
  readonly pushGateways?: readonly string[]
  /** For tests: another way to the gateway, other waits. */
  readonly pushing?: Pick<PushDeliveryDeps, 'sendToGateway' | 'retryDelayMs'>
  /** Sessions that nobody uses for this long are over, in milliseconds; default: never. */
  readonly sessionIdleMs?: number | undefined
  readonly onRequest?: (record: RequestRecord) => void
}
