import { isJsonObject, type JsonObject } from '@starling/protocol'
import { OutboundError } from '../../http/outbound/outbound-error.ts'
import { fetchPublicUrl, type PublicFetchDeps } from '../../http/outbound/public-fetch.ts'

/** What became of one notification. */
export type GatewayOutcome =
  | { readonly kind: 'taken'; readonly rejected: readonly string[] }
  /** Not now; perhaps later. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Never: the address is one that this node sends nothing to. */
  | { readonly kind: 'refused'; readonly reason: string }

/** Asks a push gateway to pass one notification on; `body` as the Push Gateway API has it. */
export type SendToGateway = (url: string, body: JsonObject, signal: AbortSignal) => Promise<GatewayOutcome>

const TIMEOUT_MS = 30_000
const MAX_ANSWER_BYTES = 64 * 1024

/** Over HTTP, to the public Internet and to the gateways that the node's owner has named. */
export function gatewayOverHttp(deps: PublicFetchDeps): SendToGateway {
  return async (url, body, signal) => {
    try {
      const answer = await fetchPublicUrl(
        {
          url,
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
          timeoutMs: TIMEOUT_MS,
          maxBytes: MAX_ANSWER_BYTES,
          signal,
        },
        deps,
      )
      if (answer.status < 200 || answer.status > 299) return { kind: 'failed', reason: `status ${answer.status}` }
      return { kind: 'taken', rejected: rejectedIn(answer.body) }
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error
      const refused = error.code === 'forbidden-address' || error.code === 'bad-url'
      return { kind: refused ? 'refused' : 'failed', reason: error.code }
    }
  }
}

/** `rejected`: push keys that the gateway knows to be dead. An answer that says nothing readable rejects none. */
function rejectedIn(bytes: Uint8Array): readonly string[] {
  const parsed = parse(Buffer.from(bytes).toString('utf8'))
  const rejected = isJsonObject(parsed) ? parsed.rejected : undefined
  return Array.isArray(rejected) ? rejected.filter((key): key is string => typeof key === 'string') : []
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
