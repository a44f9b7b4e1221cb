import type { Ed25519, JsonObject, ServerName } from '@starling/protocol'
import {
  canonicalBytes,
  encodeBase64Url,
  isJsonObject,
  JsonError,
  parseServerName,
  parseStrictObject,
  signingKeyIds,
  verifyJsonSignature,
  withoutKeys,
} from '@starling/protocol'
import type { KeyRing } from '../../contracts.ts'
import { netLimits } from '../limits.ts'

export type RequestMethod = 'GET' | 'PUT' | 'POST'

/** A request as it travels (DESIGN section 4): who asks whom for what, signed by the asker's signing key. */
export interface RequestEnvelope {
  readonly method: RequestMethod
  /** Path and query as in the server-server API. */
  readonly uri: string
  readonly origin: ServerName
  readonly destination: ServerName
  /** Milliseconds since the Unix epoch, by the clock of the destination as far as the asker knows it. */
  readonly originServerTs: number
  /** 16 random bytes: never used twice. */
  readonly nonce: string
  readonly content: JsonObject | undefined
  readonly serverKeys: JsonObject
  readonly json: JsonObject
}

/** The answer, bound to its request by the nonce and signed by the destination. */
export interface AnswerEnvelope {
  readonly status: number
  /** The body: the result, or `{errcode, error, …}` where `status` is not 200. */
  readonly content: JsonObject
  readonly origin: ServerName
  readonly destination: ServerName
  readonly originServerTs: number
  readonly nonce: string
  readonly serverKeys: JsonObject
  readonly json: JsonObject
}

const METHODS: readonly string[] = ['GET', 'PUT', 'POST']
/** Printable ASCII without space, quotes, angle brackets, `#`, `\`, `^`, backtick, braces and `|`: what a URI may hold. */
const URI = /^\/[\w\-.~:/?[\]@!$&'()*+,;=%]*$/
const NONCE = /^[A-Za-z0-9_-]{22}$/
/** Signatures tried on one envelope. */
const MAX_SIGNATURES = 4

export function newNonce(randomBytes: (size: number) => Uint8Array): string {
  return encodeBase64Url(randomBytes(16))
}

/** Signs the fields and puts `server_keys` beside: they are signed on their own. Throws `JsonError` for what is no JSON. */
export function sealEnvelope(fields: JsonObject, keyRing: KeyRing): Uint8Array {
  return canonicalBytes({ ...keyRing.sign(fields), server_keys: keyRing.ownServerKeys() })
}

/** Undefined where the bytes are no request. Says nothing of the signature. */
export function parseRequest(bytes: Uint8Array): RequestEnvelope | undefined {
  const json = parse(bytes)
  if (!json) return undefined
  const common = readCommon(json)
  const { method, uri, content } = json
  if (!common || typeof method !== 'string' || !METHODS.includes(method)) return undefined
  if (typeof uri !== 'string' || uri.length > netLimits.uriChars || !URI.test(uri)) return undefined
  if (content !== undefined && !isJsonObject(content)) return undefined
  return { ...common, method: method as RequestMethod, uri, content }
}

export function parseAnswer(bytes: Uint8Array): AnswerEnvelope | undefined {
  const json = parse(bytes)
  if (!json) return undefined
  const common = readCommon(json)
  const { status, content } = json
  if (!common || typeof status !== 'number' || status < 100 || status > 599 || !isJsonObject(content)) return undefined
  return { ...common, status, content }
}

/** True if the origin has signed the envelope with a key that was valid when it says it was sent. The keys must be admitted. */
export async function isSignedByOrigin(
  envelope: RequestEnvelope | AnswerEnvelope,
  keyRing: KeyRing,
  ed25519: Ed25519,
): Promise<boolean> {
  const signed = withoutKeys(envelope.json, 'server_keys')
  for (const keyId of signingKeyIds(signed, envelope.origin).slice(0, MAX_SIGNATURES)) {
    const key = await keyRing.verifyKey(envelope.origin, keyId, envelope.originServerTs)
    if (key && verifyJsonSignature(signed, envelope.origin, keyId, key, ed25519)) return true
  }
  return false
}

function parse(bytes: Uint8Array): JsonObject | undefined {
  try {
    return parseStrictObject(bytes)
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}

function readCommon(json: JsonObject) {
  const origin = parseServerName(json.origin)
  const destination = parseServerName(json.destination)
  const { nonce, origin_server_ts: originServerTs, server_keys: serverKeys } = json
  if (!origin || !destination || typeof nonce !== 'string' || !NONCE.test(nonce)) return undefined
  if (typeof originServerTs !== 'number' || originServerTs < 0 || !isJsonObject(serverKeys)) return undefined
  return { origin, destination, nonce, originServerTs, serverKeys, json }
}
