import { type ParsedPdu, type RoomVersionRules, redactPdu } from '@starling/protocol'
import type { CheckedPdu } from '../contracts.ts'

/** Step 3: where the content hash does not match, only the redacted form goes on. It has the same id and signatures. */
export function checkHash(parsed: ParsedPdu, rules: RoomVersionRules): CheckedPdu {
  if (parsed.hashMatches) return { pdu: parsed.pdu, roomVersion: rules.version, redacted: false }
  return { pdu: redactPdu(parsed.pdu, rules), roomVersion: rules.version, redacted: true }
}
