import type { JsonObject } from '@starling/protocol'

/** A TURN server, and how clients prove that they may use it. */
export interface TurnSettings {
  /** `turn:` and `turns:` addresses. */
  readonly uris: readonly string[]
  /** How long credentials are good for, in seconds. */
  readonly lifeS: number
  readonly credentials:
    | { readonly kind: 'fixed'; readonly username: string; readonly password: string }
    /** Shared with the TURN server: a user name that says until when, and a password that proves it. */
    | { readonly kind: 'secret'; readonly secret: string }
}

/** What calls need that this node does not have itself, as its owner has set it up. */
export interface VoipSettings {
  readonly turn?: TurnSettings | undefined
  /** MatrixRTC transports (MSC4143), such as `{type: 'livekit', livekit_service_url}`; empty: none. */
  readonly rtcTransports: readonly JsonObject[]
}

export const NO_VOIP: VoipSettings = { rtcTransports: [] }
