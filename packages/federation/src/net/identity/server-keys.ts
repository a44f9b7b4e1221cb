import type { Ed25519, JsonObject, KeyId, ServerName } from '@starling/protocol'
import {
  canonicalJson,
  decodeBase64,
  isJsonObject,
  JsonError,
  parseKeyId,
  publicKeyFromServerName,
  signJson,
  verifyJsonSignature,
} from '@starling/protocol'
import type { PeerId } from '../../ports.ts'
import { netLimits } from '../limits.ts'

/** Under this key id the identity key, the one in the server name, signs `server_keys`. */
export const IDENTITY_KEY_ID = 'ed25519:identity' as KeyId

/** `server_keys`, read and checked for shape (DESIGN section 2; server-server API, "Publishing Keys"). */
export interface ServerKeys {
  readonly server: ServerName
  /** Milliseconds since the Unix epoch. */
  readonly validUntilTs: number
  readonly verifyKeys: ReadonlyMap<string, Uint8Array>
  readonly oldVerifyKeys: ReadonlyMap<string, { readonly key: Uint8Array; readonly expiredTs: number }>
  /** Authorised PeerIds and until when. */
  readonly peers: ReadonlyMap<PeerId, number>
  readonly json: JsonObject
  /** Canonical form: two objects with the same text are the same. */
  readonly text: string
}

export type ServerKeysResult =
  | { readonly ok: true; readonly keys: ServerKeys }
  | { readonly ok: false; readonly reason: string }

const PEER_ID = /^[A-Za-z0-9._-]{1,128}$/

/** Reads `server_keys` from a stranger: shape and bounds. Says nothing of signatures. Never throws. */
export function parseServerKeys(value: unknown): ServerKeysResult {
  if (!isJsonObject(value)) return refused('not-an-object')
  const identity = typeof value.server_name === 'string' ? publicKeyFromServerName(value.server_name) : undefined
  if (!identity) return refused('no-identity-in-name')
  const text = canonicalText(value)
  if (text === undefined || text.length > netLimits.serverKeysBytes) return refused('too-large-or-not-canonical')
  const validUntilTs = timestamp(value.valid_until_ts)
  const verifyKeys = readVerifyKeys(value.verify_keys)
  const oldVerifyKeys = readOldVerifyKeys(value.old_verify_keys)
  const peers = readPeers(value.peers)
  if (validUntilTs === undefined || !verifyKeys || !oldVerifyKeys || !peers) return refused('malformed')
  const server = value.server_name as ServerName
  return { ok: true, keys: { server, validUntilTs, verifyKeys, oldVerifyKeys, peers, json: value, text } }
}

/** True if the identity key in the name has signed it. 52 µs. */
export function isSignedByIdentity(keys: ServerKeys, ed25519: Ed25519): boolean {
  const identity = publicKeyFromServerName(keys.server)
  return identity !== undefined && verifyJsonSignature(keys.json, keys.server, IDENTITY_KEY_ID, identity, ed25519)
}

export function signServerKeys(json: JsonObject, server: ServerName, seed: Uint8Array, ed25519: Ed25519): JsonObject {
  return signJson(json, { server, keyId: IDENTITY_KEY_ID, seed }, ed25519)
}

/**
 * The key with which that server may have signed something at `at`. Current keys hold until `valid_until_ts`, yet never longer than
 * seven days from now, old ones until `expired_ts` (server-server API, "Publishing Keys").
 */
export function keyValidAt(keys: ServerKeys, keyId: string, at: number, now: number): Uint8Array | undefined {
  const current = keys.verifyKeys.get(keyId)
  if (current) return at <= Math.min(keys.validUntilTs, now + netLimits.keyValidityMs) ? current : undefined
  const old = keys.oldVerifyKeys.get(keyId)
  return old && at <= old.expiredTs ? old.key : undefined
}

/** Until when the peer speaks for the server; 0 where it does not. */
export function authorisedUntil(keys: ServerKeys, peer: PeerId): number {
  return Math.min(keys.peers.get(peer) ?? 0, keys.validUntilTs)
}

/** Canonical form; undefined where there is none. */
export function canonicalText(value: JsonObject): string | undefined {
  try {
    return canonicalJson(value)
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}

function readVerifyKeys(value: unknown): Map<string, Uint8Array> | undefined {
  if (!isJsonObject(value)) return undefined
  const entries = Object.entries(value)
  if (entries.length === 0 || entries.length > netLimits.verifyKeys) return undefined
  const keys = new Map<string, Uint8Array>()
  for (const [keyId, entry] of entries) {
    const key = readKey(keyId, entry)
    if (!key) return undefined
    keys.set(keyId, key)
  }
  return keys
}

function readOldVerifyKeys(value: unknown): ServerKeys['oldVerifyKeys'] | undefined {
  if (value === undefined) return new Map()
  if (!isJsonObject(value)) return undefined
  const entries = Object.entries(value)
  if (entries.length > netLimits.oldVerifyKeys) return undefined
  const keys = new Map<string, { readonly key: Uint8Array; readonly expiredTs: number }>()
  for (const [keyId, entry] of entries) {
    const key = readKey(keyId, entry)
    const expiredTs = isJsonObject(entry) ? timestamp(entry.expired_ts) : undefined
    if (!key || expiredTs === undefined) return undefined
    keys.set(keyId, { key, expiredTs })
  }
  return keys
}

function readPeers(value: unknown): Map<PeerId, number> | undefined {
  if (value === undefined) return new Map()
  if (!Array.isArray(value) || value.length > netLimits.peersPerServer) return undefined
  const peers = new Map<PeerId, number>()
  for (const entry of value as readonly unknown[]) {
    if (!isJsonObject(entry)) return undefined
    const until = timestamp(entry.valid_until_ts)
    if (typeof entry.peer_id !== 'string' || !PEER_ID.test(entry.peer_id) || until === undefined) return undefined
    peers.set(entry.peer_id as PeerId, until)
  }
  return peers
}

/** The identity key signs key objects and nothing else: it may not pose as a signing key. */
function readKey(keyId: string, entry: unknown): Uint8Array | undefined {
  if (parseKeyId(keyId) === undefined || keyId === IDENTITY_KEY_ID || !isJsonObject(entry)) return undefined
  const key = decodeBase64(entry.key)
  return key?.length === 32 ? key : undefined
}

function timestamp(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined
}

function refused(reason: string): ServerKeysResult {
  return { ok: false, reason }
}
