import type { Clock } from '@starling/protocol'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { turnCredentials } from './turn-credentials.ts'
import type { VoipSettings } from './voip-settings.ts'

export interface VoipDeps {
  readonly voip: VoipSettings
  readonly clock: Clock
}

/** Client-Server API, "Voice over IP", and MSC4143: where calls can go through, as the node's owner has configured it. */
export function voipEndpoints({ voip, clock }: VoipDeps): readonly Endpoint[] {
  return [
    endpoint<'token'>({
      method: 'GET',
      path: '/_matrix/client/v3/voip/turnServer',
      auth: 'token',
      async handle({ requester }) {
        // Empty, as other servers answer where there is none: js-sdk takes an error for a fault and asks again and again.
        return voip.turn ? turnCredentials(voip.turn, requester.userId, clock.now()) : {}
      },
    }),
    endpoint<'token'>({
      method: 'GET',
      path: '/_matrix/client/unstable/org.matrix.msc4143/rtc/transports',
      auth: 'token',
      async handle() {
        if (voip.rtcTransports.length === 0) {
          throw new MatrixError(404, 'M_NOT_FOUND', 'No MatrixRTC transport is configured on this node')
        }
        return { rtc_transports: voip.rtcTransports }
      },
    }),
  ]
}
