import {
  type AbortOptions,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  ownValue,
  type ServerName,
  serverOf,
} from '@starling/protocol'
import type { RemoteServers } from '../../ports.ts'
import { mapConcurrent } from '../../rooms/map-concurrent.ts'
import type { LocalAccounts } from '../../sync/ports.ts'
import { parseKeyName } from '../key-shapes.ts'
import { oneTimeKeyFault } from './check-one-time-keys.ts'
import type { ClaimedKey, KeyClaim, OneTimeKeys } from './one-time-keys.ts'
import { type RemoteFailure, remoteFailure, settleWithin } from './remote-failure.ts'

export interface ClaimKeysDeps {
  readonly oneTimeKeys: OneTimeKeys
  readonly accounts: LocalAccounts
  readonly remote: Pick<RemoteServers, 'claimKeys'>
}

const MAX_CONCURRENT_SERVERS = 32

/** `POST /keys/claim`, and its part between servers. Client-Server API, "One-time and fallback keys". */
export class ClaimKeys {
  readonly #deps: ClaimKeysDeps

  constructor(deps: ClaimKeysDeps) {
    this.#deps = deps
  }

  /** The answer for a local client. Servers that do not answer in time are in `failures`. */
  async claim(
    claims: readonly KeyClaim[],
    options: AbortOptions & { readonly timeoutMs: number },
  ): Promise<JsonObject> {
    const { accounts, oneTimeKeys } = this.#deps
    const byServer = Map.groupBy(
      claims.filter(({ userId }) => !accounts.isLocal(userId)),
      ({ userId }) => serverOf(userId),
    )
    const failures: [ServerName, RemoteFailure][] = []
    const remote = mapConcurrent([...byServer], MAX_CONCURRENT_SERVERS, async ([server, asked]) => {
      const answer = await this.#askServer(server, asked, options)
      if ('failure' in answer) failures.push([server, answer.failure])
      return 'taken' in answer ? answer.taken : []
    })
    const local = oneTimeKeys.claim(claims.filter(({ userId }) => accounts.isLocal(userId)))
    const taken = [...(await local), ...(await remote).flat()]
    return { one_time_keys: asAnswer(taken), failures: Object.fromEntries(failures) }
  }

  /** `POST /user/keys/claim` of another server: local users only. */
  async claimLocal(claims: readonly KeyClaim[]): Promise<JsonObject> {
    const { accounts, oneTimeKeys } = this.#deps
    const taken = await oneTimeKeys.claim(claims.filter(({ userId }) => accounts.isLocal(userId)))
    return { one_time_keys: asAnswer(taken) }
  }

  async #askServer(
    server: ServerName,
    claims: readonly KeyClaim[],
    options: AbortOptions & { readonly timeoutMs: number },
  ): Promise<{ readonly taken: readonly ClaimedKey[] } | { readonly failure: RemoteFailure } | object> {
    const signal = AbortSignal.any([
      AbortSignal.timeout(options.timeoutMs),
      ...(options.signal ? [options.signal] : []),
    ])
    const asked = Map.groupBy(claims, ({ userId }) => userId)
    const body = {
      one_time_keys: Object.fromEntries(
        [...asked].map(([userId, devices]) => [
          userId,
          Object.fromEntries(devices.map(({ deviceId, algorithm }) => [deviceId, algorithm])),
        ]),
      ),
    }
    const answered = await settleWithin(this.#deps.remote.claimKeys(server, body, { signal }), options)
    if (!answered.ok) {
      const failure = remoteFailure(answered.error)
      return failure ? { failure } : {}
    }
    return { taken: claims.flatMap((claim) => claimedIn(answered.value, claim) ?? []) }
  }
}

/** The one well-formed key of the asked-for algorithm that the server gave for this claim. */
function claimedIn(answer: JsonObject, claim: KeyClaim): ClaimedKey | undefined {
  const byUser = objectAt(answer, 'one_time_keys')
  const keys = objectAt(objectAt(byUser, claim.userId), claim.deviceId)
  for (const [name, key] of Object.entries(keys)) {
    const parsed = parseKeyName(name)
    if (parsed?.algorithm !== claim.algorithm) continue
    if (oneTimeKeyFault(key, claim.algorithm, 'one_time_keys')) continue
    return { ...claim, keyId: parsed.keyId, key: key as JsonValue }
  }
  return undefined
}

function objectAt(object: JsonObject, key: string): JsonObject {
  const value = ownValue(object, key)
  return isJsonObject(value) ? value : {}
}

function asAnswer(taken: readonly ClaimedKey[]): JsonObject {
  const byUser = Map.groupBy(taken, ({ userId }) => userId)
  return Object.fromEntries(
    [...byUser].map(([userId, keys]) => [
      userId,
      Object.fromEntries(
        keys.map(({ deviceId, algorithm, keyId, key }) => [deviceId, { [`${algorithm}:${keyId}`]: key }]),
      ),
    ]),
  )
}
