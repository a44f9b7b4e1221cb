import {
  JsonError,
  type JsonObject,
  type Pdu,
  parsePdu,
  type RoomVersionRules,
  redact,
  type Sha256,
  withHashes,
} from '@starling/protocol'
import type { KeyRing } from '../contracts.ts'
import { RoomError } from './room-error.ts'

/**
 * Adds content hash (and in versions 1 and 2 the event id that follows from it) and this server's signature (server-server API, "Adding hashes and signatures to outgoing events"), keeps
 * signatures that are there, and reads the outcome as others will.
 *
 * @throws RoomError `too-large`, `bad-content`
 */
export function finishEvent(
  event: JsonObject,
  rules: RoomVersionRules,
  keys: Pick<KeyRing, 'sign'>,
  sha256: Sha256,
): Pdu {
  try {
    const hashed = withHashes(event, rules, sha256)
    const { signatures } = keys.sign(redact(hashed, rules))
    const parsed = parsePdu({ ...hashed, signatures }, rules, sha256)
    if (parsed.ok) return parsed.pdu
    throw new RoomError(parsed.code === 'too_large' ? 'too-large' : 'bad-content', parsed.reason)
  } catch (error) {
    if (error instanceof JsonError) throw new RoomError('bad-content', error.message, { cause: error })
    throw error
  }
}
