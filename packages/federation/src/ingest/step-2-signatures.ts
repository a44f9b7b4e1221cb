import {
  type Ed25519,
  type ParsedPdu,
  type RoomVersionRules,
  redactPdu,
  requiredSigners,
  type ServerName,
  type SignedMessage,
  signatureOf,
  signingKeyIds,
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
  const claims = await signatureClaims(parsed, rules, keys)
  const allRight = claims.signed.every((one) => ed25519.verify(one.publicKey, one.message, one.signature))
  return signatureResult(claims, allRight)
}

/** What has to be verified, so that the signatures of many events can be verified together. */
export interface SignatureClaims {
  /** All of these have to be right, up to what is at `fault`. */
  readonly signed: readonly SignedMessage[]
  /** What is wrong with the event if they are. */
  readonly fault: Extract<SignatureResult, { ok: false }> | undefined
}

export async function signatureClaims(
  parsed: ParsedPdu,
  rules: RoomVersionRules,
  keys: Pick<KeyRing, 'verifyKey'>,
): Promise<SignatureClaims> {
  const signed: SignedMessage[] = []
  for (const server of signersOf(parsed, rules)) {
    const fault = await addClaims(server, parsed, keys, signed)
    if (fault) return { signed, fault }
  }
  return { signed, fault: undefined }
}

export function signatureResult({ fault }: SignatureClaims, allRight: boolean): SignatureResult {
  return allRight ? (fault ?? { ok: true }) : WRONG
}

const WRONG = { ok: false, code: 'bad_signature', reason: 'a signature is wrong' } as const

/**
 * Who has to sign, also by the form that step 3 will leave: up to version 10 redaction takes `third_party_invite` away, which
 * excuses the sender's server, so that a wrong hash would turn an unsigned third-party invite into anybody's plain invite.
 */
function signersOf({ pdu, hashMatches }: ParsedPdu, rules: RoomVersionRules): ReadonlySet<ServerName> {
  const signers = requiredSigners(pdu, rules)
  return hashMatches ? signers : new Set([...signers, ...requiredSigners(redactPdu(pdu, rules), rules)])
}

async function addClaims(
  server: ServerName,
  { pdu, signedBytes: message }: ParsedPdu,
  keys: Pick<KeyRing, 'verifyKey'>,
  signed: SignedMessage[],
): Promise<SignatureClaims['fault']> {
  const keyIds = signingKeyIds(pdu.json, server).slice(0, MAX_KEYS_PER_SERVER)
  if (keyIds.length === 0) return { ok: false, code: 'missing_signature', reason: 'not signed by a server that has to' }
  let known = 0
  for (const keyId of keyIds) {
    const publicKey = await keys.verifyKey(server, keyId, pdu.originServerTs)
    if (!publicKey) continue
    known++
    const signature = signatureOf(pdu.json, server, keyId)
    if (!signature) return WRONG
    signed.push({ publicKey, message, signature })
  }
  if (known > 0) return undefined
  return { ok: false, code: 'unknown_key', reason: "signed by no key that is known and valid at the event's time" }
}
