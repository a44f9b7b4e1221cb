import { EVENT_JSON } from '../crypto/event-hashes.ts'
import { signatureOf, signedJsonBytes, signingKeyIds } from '../crypto/sign-json.ts'
import type { Pdu } from '../events/pdu.ts'
import { decodeBase64 } from '../ids/base64.ts'
import { compareCodePoints } from '../json/code-point-order.ts'
import { ownValue } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject } from '../json/value.ts'
import type { Ed25519 } from '../ports.ts'
import { membershipOf, type RuleInput } from './rule-input.ts'
import { ALLOWED, type AuthVerdict, denied } from './verdict.ts'

/**
 * Bounds on what one invite can make us verify: the first 16 signatures (by server, then key id, in code point order, so that
 * every node tries the same ones) against the first 16 public keys.
 */
const MAX_SIGNATURES = 16
const MAX_PUBLIC_KEYS = 16

/** Rule 5.4 (version 12's numbers): `membership` is `invite`. */
export function checkInvite(input: RuleInput, target: string): AuthVerdict {
  const { event, state, levels } = input
  // 5.4.1
  const thirdParty = ownValue(event.content, 'third_party_invite')
  if (thirdParty !== undefined) return checkThirdPartyInvite(input, target, thirdParty)
  // 5.4.2
  if (membershipOf(state, event.sender) !== 'join') return denied('sender_not_joined', 'the sender is not joined')
  // 5.4.3
  const membership = membershipOf(state, target)
  if (membership === 'join' || membership === 'ban') {
    return denied('invite_target_membership', 'the invited user is joined or banned')
  }
  // 5.4.4, 5.4.5
  const mayInvite = levels.user(event.sender) >= levels.named('invite')
  return mayInvite ? ALLOWED : denied('invite_level', 'the sender may not invite')
}

function checkThirdPartyInvite({ event, state, options }: RuleInput, target: string, thirdParty: unknown): AuthVerdict {
  // 5.4.1.1
  if (membershipOf(state, target) === 'ban') return denied('third_party_invite_banned', 'the invited user is banned')
  // 5.4.1.2
  const signed = isJsonObject(thirdParty) ? ownValue(thirdParty, 'signed') : undefined
  if (!isJsonObject(signed)) return denied('third_party_invite_malformed', 'no signed')
  // 5.4.1.3
  const mxid = ownValue(signed, 'mxid')
  const token = ownValue(signed, 'token')
  if (typeof mxid !== 'string' || typeof token !== 'string') {
    return denied('third_party_invite_malformed', 'signed without mxid or token')
  }
  // 5.4.1.4
  if (mxid !== target) return denied('third_party_invite_mxid', 'signed for another user')
  // 5.4.1.5
  const invite = state('m.room.third_party_invite', token)
  if (invite === undefined) return denied('third_party_invite_token', 'no such third-party invite')
  // 5.4.1.6
  if (invite.sender !== event.sender) return denied('third_party_invite_sender', 'the invite is of another sender')
  // 5.4.1.7, 5.4.1.8
  const bytes = signedJsonBytes(signed, EVENT_JSON)
  return isSignedByAny(signed, bytes, publicKeysOf(invite), options.ed25519)
    ? ALLOWED
    : denied('third_party_invite_signature', 'no signature of a key of the third-party invite')
}

/** 5.4.1.7.1 and .2: `public_key`, then `public_keys[].public_key`. */
function publicKeysOf(invite: Pdu): Uint8Array[] {
  const list = ownValue(invite.content, 'public_keys')
  const entries = Array.isArray(list) ? list.slice(0, MAX_PUBLIC_KEYS) : []
  const texts = [
    ownValue(invite.content, 'public_key'),
    ...entries.map((entry) => (isJsonObject(entry) ? ownValue(entry, 'public_key') : undefined)),
  ]
  return texts.flatMap((text) => decodeBase64(text) ?? []).slice(0, MAX_PUBLIC_KEYS)
}

function isSignedByAny(
  signed: JsonObject,
  bytes: Uint8Array,
  publicKeys: readonly Uint8Array[],
  ed25519: Ed25519,
): boolean {
  return signaturesOf(signed).some((signature) => publicKeys.some((key) => ed25519.verify(key, bytes, signature)))
}

function signaturesOf(signed: JsonObject): Uint8Array[] {
  const signatures = ownValue(signed, 'signatures')
  if (!isJsonObject(signatures)) return []
  const servers = Object.keys(signatures).sort(compareCodePoints)
  const all = servers.flatMap((server) =>
    signingKeyIds(signed, server)
      .sort(compareCodePoints)
      .flatMap((keyId) => signatureOf(signed, server, keyId) ?? []),
  )
  return all.slice(0, MAX_SIGNATURES)
}
