import type { Ed25519, JsonObject, ServerName } from '@starling/protocol'
import {
  canonicalJson,
  canonicalMembers,
  encodeBase64Url,
  isJsonObject,
  JsonError,
  parseServerName,
  parseStrictObject,
  signatureOf,
  signingKeyIds,
  verifyJsonSignature,
  withoutKeys,
} from '@starling/protocol'
import type { KeyRing } from '../../contracts.ts'
import type { ServerKeyRing } from '../identity/key-ring.ts'
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
  /** As it came. */
  readonly bytes: Uint8Array
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
  /** As it came. */
  readonly bytes: Uint8Array
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

const utf8 = new TextEncoder()
/** Members that the signature does not cover. They stand side by side in the canonical order. */
const SERVER_KEYS = 'server_keys'
const SIGNATURES = 'signatures'

/**
 * Signs the fields and puts `server_keys` beside: they are signed on their own. All in canonical form; the fields, which may be
 * a megabyte of events, are written once. Throws `JsonError` for what is no JSON.
 */
export function sealEnvelope(
  fields: JsonObject,
  keyRing: Pick<ServerKeyRing, 'signBytes' | 'ownServerKeys'>,
): Uint8Array {
  const members = canonicalMembers(fields)
  const all = (texts: readonly (readonly [string, string])[]) => texts.map(([, text]) => text).join(',')
  const signatures = keyRing.signBytes(utf8.encode(`{${all(members)}}`))
  const beside = canonicalMembers({ [SERVER_KEYS]: keyRing.ownServerKeys(), [SIGNATURES]: signatures })
  const before = members.filter(([key]) => key < SERVER_KEYS)
  const after = members.filter(([key]) => key > SERVER_KEYS)
  return utf8.encode(`{${all([...before, ...beside, ...after])}}`)
}

/** Undefined where the bytes are no request. Says nothing of the signature. */
export function parseRequest(bytes: Uint8Array): RequestEnvelope | undefined {
  const json = parse(bytes)
  if (!json) return undefined
  const common = readCommon(json, bytes)
  const { method, uri, content } = json
  if (!common || typeof method !== 'string' || !METHODS.includes(method)) return undefined
  if (typeof uri !== 'string' || uri.length > netLimits.uriChars || !URI.test(uri)) return undefined
  if (content !== undefined && !isJsonObject(content)) return undefined
  return { ...common, method: method as RequestMethod, uri, content }
}

export function parseAnswer(bytes: Uint8Array): AnswerEnvelope | undefined {
  const json = parse(bytes)
  if (!json) return undefined
  const common = readCommon(json, bytes)
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
  const { json, origin, originServerTs } = envelope
  const came = signedPartOf(envelope)
  const signed = withoutKeys(json, SERVER_KEYS)
  for (const keyId of signingKeyIds(signed, origin).slice(0, MAX_SIGNATURES)) {
    const key = await keyRing.verifyKey(origin, keyId, originServerTs)
    const signature = signatureOf(signed, origin, keyId)
    if (!key || !signature) continue
    if (came && ed25519.verify(key, came, signature)) return true
    if (verifyJsonSignature(signed, origin, keyId, key, ed25519)) return true
  }
  return false
}

/**
 * The bytes that came without the members which the signature does not cover: if the origin has signed these, it has signed what
 * they say, and nothing has to be brought into canonical form again. Undefined where the message does not end as a
 * canonical one does. A JSON text that ends like this has these members outermost: inside a string the first quote would end it.
 */
function signedPartOf({ json, bytes }: RequestEnvelope | AnswerEnvelope): Uint8Array | undefined {
  let after = ''
  for (const key of Object.keys(json).filter((one) => one > SIGNATURES)) {
    for (const [, text] of canonicalMembers({ [key]: json[key] })) after += `,${text}`
  }
  const keys = canonicalJson(json[SERVER_KEYS] ?? null)
  const signatures = canonicalJson(json[SIGNATURES] ?? null)
  const tail = utf8.encode(`,"${SERVER_KEYS}":${keys},"${SIGNATURES}":${signatures}${after}}`)
  const start = bytes.length - tail.length
  if (start <= 0 || !isEqual(bytes.subarray(start), tail)) return undefined
  const rest = utf8.encode(`${after}}`)
  const signed = new Uint8Array(start + rest.length)
  signed.set(bytes.subarray(0, start))
  signed.set(rest, start)
  return signed
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, index) => byte === b[index])
}

function parse(bytes: Uint8Array): JsonObject | undefined {
  try {
    return parseStrictObject(bytes)
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}

function readCommon(json: JsonObject, bytes: Uint8Array) {
  const origin = parseServerName(json.origin)
  const destination = parseServerName(json.destination)
  const { nonce, origin_server_ts: originServerTs, server_keys: serverKeys } = json
  if (!origin || !destination || typeof nonce !== 'string' || !NONCE.test(nonce)) return undefined
  if (typeof originServerTs !== 'number' || originServerTs < 0 || !isJsonObject(serverKeys)) return undefined
  return { origin, destination, nonce, originServerTs, serverKeys, json, bytes }
}
