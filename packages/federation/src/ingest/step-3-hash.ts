import { mustStayWhole, type ParsedPdu, type RoomVersionRules, redactPdu } from '@starling/protocol'
import type { CheckResult } from '../contracts.ts'

/**
 * Step 3: where the content hash does not match, only the redacted form goes on. It has the same id and signatures. An event that
 * would then authorise others by something else is dropped: a later carrier may have it whole.
 */
export function checkHash(parsed: ParsedPdu, rules: RoomVersionRules): CheckResult {
  const { pdu, hashMatches } = parsed
  if (!hashMatches && mustStayWhole(pdu, rules)) {
    return {
      ok: false,
      code: 'hash_mismatch',
      reason: 'the content hash does not match, and the event counts whole only',
    }
  }
  const checked = { pdu: hashMatches ? pdu : redactPdu(pdu, rules), roomVersion: rules.version, redacted: !hashMatches }
  return { ok: true, checked }
}
