import type { Request } from 'express'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { VoipSettings } from '../voip/voip-settings.ts'

/**
 * Client-Server API, "Well-known URIs". Without a configured public address, the address under which the client asked is
 * the one that works for it.
 */
export function wellKnownEndpoints(deps: {
  readonly publicBaseUrl: string | undefined
  readonly voip: VoipSettings
}): readonly Endpoint[] {
  const { rtcTransports } = deps.voip
  return [
    endpoint({
      method: 'GET',
      path: '/.well-known/matrix/client',
      auth: 'none',
      async handle(call) {
        return {
          'm.homeserver': { base_url: deps.publicBaseUrl ?? addressAskedFor(call.request) },
          // Element Call of today looks here; `rtc/transports` is what comes after it.
          ...(rtcTransports.length > 0 && { 'org.matrix.msc4143.rtc_foci': rtcTransports }),
        }
      },
    }),
    ...['support', 'policy_server'].map((name) =>
      endpoint({
        method: 'GET',
        path: `/.well-known/matrix/${name}`,
        auth: 'none',
        async handle() {
          throw new MatrixError(404, 'M_NOT_FOUND', 'This node publishes none')
        },
      }),
    ),
  ]
}

function addressAskedFor(request: Request): string {
  const { host } = request.headers
  if (host === undefined || !/^[A-Za-z0-9.:[\]-]+$/.test(host)) throw new MatrixError(404, 'M_NOT_FOUND', 'Not known')
  return `http://${host}`
}
