import { timingSafeEqual } from 'node:crypto'
import { tokenHash } from '../session/token.ts'
import type { Registration } from './deps.ts'

/** The stage of registration that asks for the node's token (Client-Server API, "Token-authenticated registration"). */
export const REGISTRATION_TOKEN_STAGE = 'm.login.registration_token'

/** Compares digests: takes the same time wherever the first difference is. */
export function isRegistrationToken(registration: Registration, given: string): boolean {
  if (registration.mode !== 'token') return false
  return timingSafeEqual(Buffer.from(tokenHash(given)), Buffer.from(tokenHash(registration.token)))
}
