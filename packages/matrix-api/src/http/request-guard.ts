import type { UserId } from '@starling/protocol'
import type { Call, Endpoint } from './endpoint.ts'

/** Refuses what the state of an account or a room forbids whatever the operation itself thinks of it. */
export interface RequestGuard {
  /** Once the token is known, before the body is read; throws `MatrixError`. */
  admit?(userId: UserId, endpoint: Endpoint): Promise<void>
  /** With the whole request, before its handler; throws `MatrixError`. */
  permit?(call: Call, endpoint: Endpoint): Promise<void>
}
