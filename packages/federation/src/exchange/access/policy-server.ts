import type { Ed25519, JsonObject, Pdu, RoomId, ServerName } from '@starling/protocol'
import { decodeBase64, parseServerName, roomVersionRules, verifyEventSignature } from '@starling/protocol'
import type { CheckedPdu, RoomEngine } from '../../contracts.ts'
import { asObject, asString } from '../wire/read-json.ts'
import { currentStateEvent } from './state-events.ts'

/** "The Key ID for the ed25519 key in m.room.policy is always" this. */
const KEY_ID = 'ed25519:policy_server'

/** What the room's `m.room.policy` names. */
export interface PolicyServer {
  readonly server: ServerName
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array
}

/**
 * Port: whether the room's policy server recommends an event of another server. Asked only for events that need a
 * recommendation, in rooms that use a policy server. An implementation may look at the signature alone (`signatureCheck`) or ask
 * the policy server for one (`POST /_matrix/policy/v1/sign`). Where none is injected, nothing is asked and nothing soft-fails.
 */
export type PolicyCheck = (event: CheckedPdu, policy: PolicyServer) => Promise<boolean>

/** Server-server API v1.19, "Determining if a Policy Server is enabled in a room". Undefined where none is. */
export async function policyServerOf(engine: RoomEngine, roomId: RoomId): Promise<PolicyServer | undefined> {
  const content = (await currentStateEvent(engine, roomId, 'm.room.policy'))?.content
  const server = parseServerName(content?.via)
  const key = asString(asObject(content?.public_keys)?.ed25519)
  const publicKey = key === undefined ? undefined : decodeBase64(key)
  if (!server || publicKey?.length !== 32 || !engine.isServerJoined(roomId, server)) return undefined
  return { server, publicKey }
}

/** All events but the `m.room.policy` state event itself, which has to work where the policy server does not. */
export function needsRecommendation({ type, stateKey }: Pick<Pdu, 'type' | 'stateKey'>): boolean {
  return type !== 'm.room.policy' || stateKey !== ''
}

/** "Validating Policy Server signatures": recommended is what the key in the room's state has signed. */
export function signatureCheck(ed25519: Ed25519): PolicyCheck {
  return async ({ pdu, roomVersion }, { server, publicKey }) => {
    const rules = roomVersionRules(roomVersion)
    const signed = asObject(asObject((pdu.json as JsonObject).signatures)?.[server])?.[KEY_ID]
    if (!rules || signed === undefined) return false
    return verifyEventSignature(pdu.json, server, KEY_ID, publicKey, rules, ed25519)
  }
}
