import { createPublicKey, verify } from 'node:crypto'
import type { JsonObject, JsonValue } from '@starling/protocol'
import { isObject, property, tuple } from './event.ts'
import { allow, type NaiveVerdict, type RuleInput, reject } from './rule-input.ts'

/** The points under "if `content` has a `third_party_invite` property"; `rule` is the number of that point, such as `5.3.1`. */
export function checkThirdPartyInvite(input: RuleInput, target: string, rule: string): NaiveVerdict {
  const { event, state } = input
  const targets = property(state.get(tuple('m.room.member', target))?.content, 'membership')
  if (targets === 'ban') return reject(`${rule}.1`)

  const signed = property(property(event.content, 'third_party_invite'), 'signed')
  if (signed === undefined) return reject(`${rule}.2`)

  const mxid = property(signed, 'mxid')
  const token = property(signed, 'token')
  if (!isObject(signed) || mxid === undefined || token === undefined) return reject(`${rule}.3`)

  if (mxid !== target) return reject(`${rule}.4`)

  const invite = typeof token === 'string' ? state.get(tuple('m.room.third_party_invite', token)) : undefined
  if (!invite) return reject(`${rule}.5`)

  if (event.sender !== invite.sender) return reject(`${rule}.6`)

  const list = property(invite.content, 'public_keys')
  const listed = Array.isArray(list) ? list.map((entry) => property(entry, 'public_key')) : []
  const keys = [property(invite.content, 'public_key'), ...listed].filter((key) => typeof key === 'string')
  const isSigned = signaturesIn(signed).some((signature) => keys.some((key) => isValid(signed, signature, key)))
  return isSigned ? allow(`${rule}.7`) : reject(`${rule}.8`)
}

/** Every ed25519 signature in the object, whoever is said to have made it. */
function signaturesIn(signed: JsonObject): readonly string[] {
  const bySigner = property(signed, 'signatures')
  if (!isObject(bySigner)) return []
  return Object.values(bySigner).flatMap((byKey) =>
    isObject(byKey)
      ? Object.entries(byKey).flatMap(([keyId, value]) =>
          keyId.startsWith('ed25519:') && typeof value === 'string' ? [value] : [],
        )
      : [],
  )
}

/** Appendices, "Checking for a signature", with Node's own Ed25519. */
function isValid(signed: JsonObject, signature: string, publicKey: string): boolean {
  const raw = Buffer.from(publicKey, 'base64')
  if (raw.length !== 32) return false
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' })
  const { signatures: _, unsigned: __, ...rest } = signed
  return verify(null, Buffer.from(canonical(rest)), key, Buffer.from(signature, 'base64'))
}

/** Appendices, "Canonical JSON": keys by code point, no white space. */
function canonical(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const keys = Object.keys(value).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`
}
