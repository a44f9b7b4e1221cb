import {
  type Ed25519,
  type ParsedPdu,
  type RoomVersionRules,
  redactPdu,
  requiredSigners,
  type ServerName,
  signingKeyIds,
  verifyEventSignature,
} from '@starling/protocol'
import type { KeyRing } from '../contracts.ts'

/** Keys tried per server. More signatures of one server than this are padding. */
const MAX_KEYS_PER_SERVER = 8

export type SignatureResult =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly code: 'missing_signature' | 'unknown_key' | 'bad_signature'
      readonly reason: string
    }

/**
 * Step 2 (server-server API, "Validating hashes and signatures on received events"): of every server that has to sign, at
 * least one signature is by a key known and valid at the event's time, and all such are right. Else the event is dropped.
 * Signatures by unknown or expired keys are skipped; those of other servers are not looked at.
 */
export async function checkSignatures(
  parsed: ParsedPdu,
  rules: RoomVersionRules,
  keys: Pick<KeyRing, 'verifyKey'>,
  ed25519: Ed25519,
): Promise<SignatureResult> {
  for (const server of signersOf(parsed, rules)) {
    const result = await checkServer(server, parsed, rules, keys, ed25519)
    if (!result.ok) return result
  }
  return { ok: true }
}

/**
 * Who has to sign, also by the form that step 3 will leave: up to version 10 redaction takes `third_party_invite` away, which
 * excuses the sender's server, so that a wrong hash would turn an unsigned third-party invite into anybody's plain invite.
 */
function signersOf({ pdu, hashMatches }: ParsedPdu, rules: RoomVersionRules): ReadonlySet<ServerName> {
  const signers = requiredSigners(pdu, rules)
  return hashMatches ? signers : new Set([...signers, ...requiredSigners(redactPdu(pdu, rules), rules)])
}

async function checkServer(
  server: ServerName,
  { pdu, signedBytes }: ParsedPdu,
  rules: RoomVersionRules,
  keys: Pick<KeyRing, 'verifyKey'>,
  ed25519: Ed25519,
): Promise<SignatureResult> {
  const keyIds = signingKeyIds(pdu.json, server).slice(0, MAX_KEYS_PER_SERVER)
  if (keyIds.length === 0) return { ok: false, code: 'missing_signature', reason: 'not signed by a server that has to' }
  let known = 0
  for (const keyId of keyIds) {
    const key = await keys.verifyKey(server, keyId, pdu.originServerTs)
    if (!key) continue
    known++
    if (!verifyEventSignature(pdu.json, server, keyId, key, rules, ed25519, signedBytes)) {
      return { ok: false, code: 'bad_signature', reason: 'a signature is wrong' }
    }
  }
  if (known > 0) return { ok: true }
  return { ok: false, code: 'unknown_key', reason: "signed by no key that is known and valid at the event's time" }
}
