import { createHmac } from 'node:crypto'
import type { UserId } from '@starling/protocol'
import type { TurnSettings } from './voip-settings.ts'

/**
 * The answer of `GET /voip/turnServer`. With a shared secret, the scheme of the TURN REST API draft
 * (draft-uberti-behave-turn-rest, section 2.2; coturn's `use-auth-secret`): user name `<expiry in seconds>:<user>`,
 * password base64 of its HMAC-SHA1 under the secret.
 */
export function turnCredentials({ uris, lifeS, credentials }: TurnSettings, userId: UserId, nowMs: number): object {
  if (credentials.kind === 'fixed') {
    const { username, password } = credentials
    return { username, password, uris, ttl: lifeS }
  }
  const username = `${Math.floor(nowMs / 1000) + lifeS}:${userId}`
  const password = createHmac('sha1', credentials.secret).update(username, 'utf8').digest('base64')
  return { username, password, uris, ttl: lifeS }
}
