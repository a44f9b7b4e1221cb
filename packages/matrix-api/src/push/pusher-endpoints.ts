import type { JsonObject } from '@starling/protocol'
import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { type Call, type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { Pusher, Pushers } from './pushers.ts'

const MAX_PUSHKEY_BYTES = 512
const text = z.string().max(1_000)

const identity = z.object({
  app_id: z.string().min(1).max(64),
  pushkey: z.string().min(1),
  kind: z.string().nullable(),
})
const request = z.object({
  app_display_name: text,
  device_display_name: text,
  profile_tag: text.optional(),
  lang: text,
  data: z.record(z.string(), z.unknown()),
  append: z.boolean().optional(),
})

export interface PusherDeps {
  readonly pushers: Pushers
  /** Origins of gateways that the node's owner has named: these may be without TLS. */
  readonly ownGateways: readonly string[]
}

/** Client-Server API, "Push Notifications": `GET /pushers`, `POST /pushers/set`. */
export function pusherEndpoints({ pushers, ownGateways }: PusherDeps): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/pushers',
      auth: 'token',
      async handle(call) {
        return { pushers: await pushers.list(call.requester.userId) }
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/pushers/set',
      auth: 'token',
      maxBodyBytes: 64 * 1024,
      async handle(call) {
        await setPusher(pushers, ownGateways, call)
        return {}
      },
    }),
  ]
}

async function setPusher(pushers: Pushers, ownGateways: readonly string[], { requester, body }: Call): Promise<void> {
  const { app_id, pushkey, kind } = checkInput(identity, body)
  if (Buffer.byteLength(pushkey) > MAX_PUSHKEY_BYTES)
    throw new MatrixError(400, 'M_INVALID_PARAM', 'Invalid value: pushkey')
  if (kind === null) return pushers.delete(requester.userId, app_id, pushkey)
  if (kind !== 'http') throw new MatrixError(400, 'M_INVALID_PARAM', 'This server only pushes over HTTP')
  const { append = false, ...rest } = checkInput(request, body)
  checkUrl(rest.data.url, ownGateways)
  const pusher = { ...rest, app_id, pushkey, kind } as JsonObject as Pusher
  return pushers.set(requester.userId, requester.deviceId, pusher, append)
}

/** HTTPS with the one path that a push gateway has. Where the host lies is looked at when something is sent. */
function checkUrl(url: unknown, ownGateways: readonly string[]): void {
  if (url === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: data.url')
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined
  const secure = parsed && (parsed.protocol === 'https:' || ownGateways.includes(parsed.origin))
  if (!secure || parsed.pathname !== '/_matrix/push/v1/notify') {
    throw new MatrixError(400, 'M_INVALID_PARAM', 'data.url is not an https address ending in /_matrix/push/v1/notify')
  }
}
