import type { IncomingMessage } from 'node:http'
import type { Requester } from './endpoint.ts'
import { MatrixError } from './matrix-error.ts'

/** What a presented token turns out to be. */
export type TokenCheck =
  | { readonly kind: 'valid'; readonly requester: Requester }
  /** Expired, but its refresh token still works: the client keeps its keys. Client-Server API, "Soft logout". */
  | { readonly kind: 'expired' }
  | { readonly kind: 'unknown' }

/** Implemented by `session/`. */
export interface TokenChecker {
  check(token: string, seen: { readonly ip: string; readonly userAgent: string | undefined }): Promise<TokenCheck>
}

/**
 * The token of a request: the `Authorization: Bearer` header, or the `access_token` query parameter, which the spec
 * deprecated in 1.11 but older clients (nio 0.20) and media links of theirs still use.
 */
export function presentedToken(request: IncomingMessage, query: URLSearchParams): string | undefined {
  const header = request.headers.authorization
  if (header !== undefined) return /^Bearer +(\S+) *$/i.exec(header)?.[1]
  return query.get('access_token') ?? undefined
}

/** 401 with the right errcode (Client-Server API, "Using access tokens"). */
export function refusal(check: Exclude<TokenCheck, { kind: 'valid' }> | undefined): MatrixError {
  if (!check) return new MatrixError(401, 'M_MISSING_TOKEN', 'Missing access token')
  return check.kind === 'expired'
    ? new MatrixError(401, 'M_UNKNOWN_TOKEN', 'Access token has expired', { soft_logout: true })
    : new MatrixError(401, 'M_UNKNOWN_TOKEN', 'Unknown access token', { soft_logout: false })
}
