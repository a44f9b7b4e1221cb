import type { Ed25519, JsonObject, Pdu, RoomVersionRules, ServerName } from '@starling/protocol'
import { redact, signedEventBytes, signingKeyIds, verifyEventSignature } from '@starling/protocol'
import type { KeyRing } from '../../contracts.ts'

/** The event with this server's signature beside the others; its id stays. Server-server API, "Signing Events". */
export function coSign(event: Pdu, keys: KeyRing, rules: RoomVersionRules): JsonObject {
  const signed = keys.sign(redact(event.json, rules))
  return { ...event.json, signatures: signed.signatures as JsonObject }
}

/** True if that server has validly signed the event with a key that this server knows. */
export async function isSignedBy(
  event: Pdu,
  server: ServerName,
  keys: KeyRing,
  rules: RoomVersionRules,
  ed25519: Ed25519,
): Promise<boolean> {
  const bytes = signedEventBytes(event.json, rules)
  for (const keyId of signingKeyIds(event.json, server)) {
    const publicKey = await keys.verifyKey(server, keyId, event.originServerTs)
    if (publicKey && verifyEventSignature(event.json, server, keyId, publicKey, rules, ed25519, bytes)) return true
  }
  return false
}
