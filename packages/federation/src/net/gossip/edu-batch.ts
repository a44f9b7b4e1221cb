import type { Ed25519, JsonObject, RoomId, ServerName } from '@starling/protocol'
import {
  canonicalBytes,
  isJsonObject,
  parseServerName,
  signingKeyIds,
  verifyJsonSignature,
  withoutKeys,
} from '@starling/protocol'
import type { KeyRing } from '../../contracts.ts'
import { netLimits } from '../limits.ts'

/** EDUs of one server for one room, signed by it: they pass through others on the topic. */
export interface EduBatch {
  readonly origin: ServerName
  readonly roomId: string
  readonly originServerTs: number
  readonly edus: readonly JsonObject[]
  readonly serverKeys: JsonObject
  readonly json: JsonObject
}

export function sealBatch(roomId: RoomId, edus: readonly JsonObject[], now: number, keyRing: KeyRing): Uint8Array {
  const fields = { origin: keyRing.serverName, room_id: roomId, origin_server_ts: now, edus }
  return canonicalBytes({ ...keyRing.sign(fields), server_keys: keyRing.ownServerKeys() })
}

/** Undefined where the object is no batch. Says nothing of the signature. */
export function readBatch(json: JsonObject): EduBatch | undefined {
  const origin = parseServerName(json.origin)
  const { room_id: roomId, origin_server_ts: originServerTs, server_keys: serverKeys } = json
  const edus: unknown = json.edus
  if (!origin || typeof roomId !== 'string' || typeof originServerTs !== 'number' || !isJsonObject(serverKeys)) {
    return undefined
  }
  if (!Array.isArray(edus) || edus.length === 0 || edus.length > netLimits.edusPerBatch) return undefined
  return edus.every(isJsonObject) ? { origin, roomId, originServerTs, edus, serverKeys, json } : undefined
}

/** The keys must be admitted. */
export async function isBatchSigned(batch: EduBatch, keyRing: KeyRing, ed25519: Ed25519): Promise<boolean> {
  const signed = withoutKeys(batch.json, 'server_keys')
  for (const keyId of signingKeyIds(signed, batch.origin).slice(0, 2)) {
    const key = await keyRing.verifyKey(batch.origin, keyId, batch.originServerTs)
    if (key && verifyJsonSignature(signed, batch.origin, keyId, key, ed25519)) return true
  }
  return false
}
