/**
 * @packageDocumentation
 * Matrix rooms as pure functions: ids, strict and canonical JSON, hashes and signatures, PDUs and redaction, the table of room
 * versions, authorisation rules, state resolution, DAG orders. No clock, socket or disk; cryptography comes in through
 * `ports.ts`. What strangers send never makes these functions throw, except the parsers that say so (`JsonError`, `IdError`).
 *
 * @example A room of version 12: two events made, one of them received elsewhere and authorised
 * ```ts
 * import { assertUserId, authStateOf, checkAuth, type Crypto, makePdu, parsePdu, parseStrictJson, canonicalJson } from "@starling/protocol"
 * import { roomVersionRules, serverOf, type Signer, verifyEventSignature } from "@starling/protocol"
 *
 * function example(crypto: Crypto, signer: Signer, now: number) {
 *   const rules = roomVersionRules('12')
 *   const sender = assertUserId(`@p2p:${signer.server}`)
 *   if (!rules) throw new Error('unknown room version')
 *   const start = { sender, stateKey: '', authEvents: [], originServerTs: now }
 *   const create = makePdu(
 *     { ...start, type: 'm.room.create', content: { room_version: '12' }, prevEvents: [], depth: 1 },
 *     signer, rules, crypto,
 *   )
 *   if (!create.ok) throw new Error(create.reason)
 *   const { roomId, eventId } = create.pdu
 *   const join = makePdu(
 *     { ...start, type: 'm.room.member', stateKey: sender, content: { membership: 'join' }, roomId, prevEvents: [eventId], depth: 2 },
 *     signer, rules, crypto,
 *   )
 *   if (!join.ok) throw new Error(join.reason)
 *
 *   const received = parsePdu(parseStrictJson(canonicalJson(join.pdu.json)), rules, crypto.sha256)
 *   if (!received.ok || !received.hashMatches) return false
 *   const key = crypto.ed25519.publicKey(signer.seed)
 *   const isSigned = verifyEventSignature(received.pdu.json, serverOf(sender), signer.keyId, key, rules, crypto.ed25519)
 *   return isSigned && checkAuth(received.pdu, authStateOf([create.pdu]), rules, crypto).allowed
 * }
 * ```
 */
export * from './auth/auth-state.ts'
export * from './auth/check-auth.ts'
export * from './auth/check-auth-events.ts'
export * from './auth/creators.ts'
export * from './auth/may-redact.ts'
export * from './auth/must-stay-whole.ts'
export * from './auth/power-levels.ts'
export * from './auth/rule-input.ts'
export * from './auth/select-auth-events.ts'
export type * from './auth/verdict.ts'
export * from './crypto/event-hashes.ts'
export * from './crypto/sign-event.ts'
export * from './crypto/sign-json.ts'
export * from './dag/ancestors.ts'
export * from './dag/depth-after.ts'
export * from './dag/topological-order.ts'
export * from './events/edu.ts'
export * from './events/make-pdu.ts'
export * from './events/parse-pdu.ts'
export type * from './events/pdu.ts'
export type { PduFault, PduFaultCode } from './events/pdu-format.ts'
export * from './events/pdu-limits.ts'
export * from './events/redact.ts'
export * from './events/required-signers.ts'
export * from './events/stripped-state.ts'
export * from './ids/base64.ts'
export type * from './ids/branded.ts'
export * from './ids/byte-length.ts'
export * from './ids/id-error.ts'
export * from './ids/id-parts.ts'
export * from './ids/identity-name.ts'
export * from './ids/key-id.ts'
export * from './ids/room-id.ts'
export * from './ids/server-name.ts'
export * from './ids/user-id.ts'
export * from './json/canonical.ts'
export * from './json/code-point-order.ts'
export * from './json/json-error.ts'
export * from './json/own-value.ts'
export * from './json/strict-parse.ts'
export * from './json/validate.ts'
export type * from './json/value.ts'
export type * from './ports.ts'
export type * from './rooms/rules.ts'
export * from './rooms/versions.ts'
export * from './state/auth-difference.ts'
export type * from './state/event-source.ts'
export type { ResolveOptions } from './state/iterative-auth.ts'
export type { LoadEvents } from './state/loaded-events.ts'
export * from './state/resolve-differing.ts'
export * from './state/resolve-state.ts'
export * from './state/state-map.ts'
