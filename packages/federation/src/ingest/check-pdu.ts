import type { Crypto, JsonObject } from '@starling/protocol'
import type { CheckResult, KeyRing } from '../contracts.ts'
import { checkFormat } from './step-1-format.ts'
import { checkSignatures } from './step-2-signatures.ts'
import { checkHash } from './step-3-hash.ts'

/** Steps 1 to 3 of "Checks performed on receipt of a PDU": what needs no room state. Never throws on foreign data. */
export async function checkPdu(
  json: JsonObject,
  roomVersion: string,
  keys: Pick<KeyRing, 'verifyKey'>,
  crypto: Crypto,
): Promise<CheckResult> {
  const format = checkFormat(json, roomVersion, crypto.sha256)
  if (!format.ok) return format
  const signatures = await checkSignatures(format.parsed, format.rules, keys, crypto.ed25519)
  if (!signatures.ok) return signatures
  return checkHash(format.parsed, format.rules)
}
