import type { VoipSettings } from '@starling/matrix-api'
import type { Config } from './options.ts'

/** Clients ask for new TURN credentials when these are half used up. In seconds. */
const TURN_LIFE_S = 86_400

type VoipConfig = Pick<Config, 'turnUris' | 'turnSecret' | 'turnUser' | 'turnPassword' | 'rtcTransports'>

/** The flags about calls as the client API takes them. A shared secret goes before a fixed user. */
export function voipSettings(config: VoipConfig): VoipSettings {
  const { turnUris: uris, turnSecret: secret, turnUser: username = '', turnPassword: password = '' } = config
  const credentials =
    secret === undefined ? ({ kind: 'fixed', username, password } as const) : ({ kind: 'secret', secret } as const)
  return {
    turn: uris.length === 0 ? undefined : { uris, lifeS: TURN_LIFE_S, credentials },
    rtcTransports: config.rtcTransports.map((url) => ({ type: 'livekit', livekit_service_url: url })),
  }
}
