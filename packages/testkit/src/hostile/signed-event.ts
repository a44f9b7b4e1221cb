import {
  canonicalBytes,
  type EventId,
  encodeBase64,
  type JsonObject,
  type RoomId,
  redact,
  roomVersionRules,
  selectAuthEvents,
  type UserId,
} from '@starling/protocol'
import type { FuzzNode } from '../fuzz/fuzz-node.ts'
import { testCrypto } from '../test-crypto.ts'

export interface Draft {
  readonly sender: UserId
  readonly type: string
  readonly content: JsonObject
  readonly stateKey?: string
  readonly prevEvents?: readonly EventId[]
  readonly authEvents?: readonly EventId[]
  readonly ts?: number
}

/**
 * An event of the author's server for a room (of version 3 or later) as another node sees it; what is not given follows
 * that node's view. `change` is made before hash and signature, which are right.
 */
export async function signedEvent(
  author: FuzzNode,
  seenBy: FuzzNode,
  roomId: RoomId,
  draft: Draft,
  change: (event: JsonObject) => JsonObject = (event) => event,
): Promise<JsonObject> {
  const rules = roomVersionRules((await seenBy.engine.roomVersion(roomId)) ?? '')
  if (!rules) throw new Error('no such room')
  const { sender, type, content, stateKey } = draft
  const subject = { type, sender, content, stateKey }
  const event: JsonObject = {
    ...{ type, sender, content, room_id: roomId, depth: 30, origin_server_ts: draft.ts ?? Date.UTC(2026, 10, 21) },
    ...(stateKey === undefined ? {} : { state_key: stateKey }),
    prev_events: draft.prevEvents ?? (await seenBy.engine.forwardExtremities(roomId)),
    auth_events: draft.authEvents ?? selectAuthEvents(subject, await seenBy.engine.currentState(roomId), rules),
  }
  const changed = change(event)
  const hash = testCrypto.sha256(canonicalBytes(changed, { maxDepth: 200 }))
  const hashed = { ...changed, hashes: { sha256: encodeBase64(hash) } }
  return { ...hashed, ...pickSignatures(author.keys.keyRing.sign(redact(hashed, rules))) }
}

function pickSignatures({ signatures }: JsonObject): JsonObject {
  return { signatures }
}

/** Checks the event as the node does with one that comes in. */
export async function checkedAt(node: FuzzNode, roomId: RoomId, json: JsonObject) {
  const result = await node.engine.check(json, (await node.engine.roomVersion(roomId)) ?? '')
  if (!result.ok) throw new Error(`${result.code}: ${result.reason}`)
  return result.checked
}
