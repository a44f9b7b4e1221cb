import type { Crypto, JsonObject } from '@starling/protocol'
import { breathe } from '../breathe.ts'
import type { CheckResult, KeyRing } from '../contracts.ts'
import { checkFormat } from './step-1-format.ts'
import { checkSignatures, type SignatureClaims, signatureClaims, signatureResult } from './step-2-signatures.ts'
import { checkHash } from './step-3-hash.ts'

/** Steps 1 to 3 of "Checks performed on receipt of a PDU": what needs no room state. Never throws on foreign data. */
export async function checkPdu(
  json: JsonObject,
  roomVersion: string,
  keys: Pick<KeyRing, 'verifyKey'>,
  crypto: Crypto,
): Promise<CheckResult> {
  const format = checkFormat(json, roomVersion, crypto.sha256)
  if (!format.ok) return format
  const signatures = await checkSignatures(format.parsed, format.rules, keys, crypto.ed25519)
  if (!signatures.ok) return signatures
  return checkHash(format.parsed, format.rules)
}

/** Events between two turns of the event loop: some milliseconds. */
const SLICE = 50

/**
 * {@link checkPdu} for a list, in its order. Signatures are verified together where the surroundings have a thread for that, else
 * `one` checks each.
 */
export async function checkPdus(
  list: readonly JsonObject[],
  roomVersion: string,
  keys: Pick<KeyRing, 'verifyKey'>,
  { ed25519, sha256 }: Crypto,
  one: (json: JsonObject) => Promise<CheckResult>,
): Promise<readonly CheckResult[]> {
  if (ed25519.verifyMany === undefined) return inSlices(list, one)
  const claimed = await inSlices(list, async (json) => {
    const format = checkFormat(json, roomVersion, sha256)
    return { format, claims: format.ok ? await signatureClaims(format.parsed, format.rules, keys) : NO_CLAIMS }
  })
  const right = await ed25519.verifyMany(claimed.flatMap(({ claims }) => claims.signed))
  let end = 0
  return claimed.map(({ format, claims }) => {
    const start = end
    end += claims.signed.length
    if (!format.ok) return format
    const signatures = signatureResult(claims, right.slice(start, end).every(Boolean))
    return signatures.ok ? checkHash(format.parsed, format.rules) : signatures
  })
}

const NO_CLAIMS: SignatureClaims = { signed: [], fault: undefined }

async function inSlices<T>(list: readonly JsonObject[], work: (json: JsonObject) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (const [index, json] of list.entries()) {
    if (index % SLICE === SLICE - 1) await breathe()
    results.push(await work(json))
  }
  return results
}
