import type { JsonObject, UserId } from '@starling/protocol'
import type { Request, Response } from 'express'
import type { MatrixError } from './matrix-error.ts'

/** Who is asking. */
export interface Requester {
  readonly userId: UserId
  readonly deviceId: string
  /** Key of the session in the session store, for logout. Not the token. */
  readonly sessionId: string
}

/** A checked request as a handler gets it. */
export interface Call<Auth extends 'none' | 'token' = 'token'> {
  readonly requester: Auth extends 'token' ? Requester : Requester | undefined
  /**
   * Decoded path parameters: valid UTF-8, no NUL, no `..` part, never empty (but for `stateKey`). A slash can be in them:
   * event ids of room version 3 and historical user ids have it.
   */
  readonly params: Readonly<Record<string, string>>
  /** Query parameters, the last of duplicates; unknown ones are ignored. */
  readonly query: Readonly<Record<string, string>>
  /** All values of a repeatable query parameter. */
  queryAll(name: string): readonly string[]
  /** The JSON body, parsed strictly; `{}` where there is none. Raw bodies are read from `request`. */
  readonly body: JsonObject
  /** Fires when the client goes away. */
  readonly signal: AbortSignal
  /** For the few that stream or set headers. */
  readonly request: Request
  readonly response: Response
}

/** How much a client may call it; the numbers stand in `http/rate-limits.ts`. */
export type RateClass = 'login' | 'refresh' | 'write' | 'create-room' | 'search' | 'report' | 'none'

/**
 * One operation of the Client-Server API. Each stands in a file named after it, in a folder named after its spec section;
 * `routes.ts` lists them all. A handler returns the JSON body of the 200 answer, throws `MatrixError`, or returns
 * `undefined` after having answered on `response` itself.
 */
export interface Endpoint<Auth extends 'none' | 'token' = 'none' | 'token'> {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Below the host, with `{name}` parameters as in the spec, in its newest version: `/_matrix/client/v3/…`. */
  readonly path: string
  /** Other paths that real clients still call for the same thing (`/r0`, `/unstable/…`). `/r0` twins of `/v3` are added by themselves. */
  readonly aliases?: readonly string[]
  /** `token`: required. `none`: a token is looked at if there is one. */
  readonly auth: Auth
  readonly rate?: RateClass
  /**
   * `json` (the default) parses strictly, with floats allowed (tag order). `event`: floats and integers beyond ±(2^53−1)
   * are `M_BAD_JSON` as well; for bodies that become event content. `raw` leaves the body unread.
   */
  readonly body?: 'json' | 'event' | 'raw'
  /** Largest body in bytes, after decompression, if other than `http/body.ts` has for its kind. `raw` bodies: the handler counts. */
  readonly maxBodyBytes?: number
  /** Shows a failure as a page, for what people open in a browser. Without it: the standard error as JSON. */
  readonly showError?: (error: MatrixError, response: Response) => void
  handle(call: Call<Auth>): Promise<object | undefined>
}

/** Keeps the type of `handle`'s argument in step with `auth`. */
export function endpoint<Auth extends 'none' | 'token'>(definition: Endpoint<Auth>): Endpoint {
  return definition as unknown as Endpoint
}
