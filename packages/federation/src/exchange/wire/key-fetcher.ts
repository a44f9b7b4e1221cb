import type { JsonObject, ServerName } from '@starling/protocol'
import { parseServerName, parseUserId, serverOf } from '@starling/protocol'
import type { KeyRing, ServerRequests } from '../../contracts.ts'
import { LruMap } from '../../store/lru-map.ts'
import { limits } from '../limits.ts'
import type { Count } from '../ports.ts'
import { asArray, asObject } from './read-json.ts'
import { ask } from './request-failure.ts'

/** Servers whose signatures on one event are looked at: sender, authoriser, invitee, and what a stranger adds. */
const SIGNERS = 4

/**
 * Gets `server_keys` that did not travel with an event, those of a co-signer or after a rotation, from the server that brought it
 * (server-server API, "Querying Keys Through Another Server"). They are self-authenticating, so anybody may give them.
 * What a server was asked for is not asked of it again within `keyRetryInterval`.
 */
export class KeyFetcher {
  readonly #keys: KeyRing
  readonly #requests: ServerRequests
  readonly #clock: { now(): number }
  readonly #count: Count
  readonly #asked = new LruMap<string, number>(limits.keyQuestionsRemembered)

  constructor(keys: KeyRing, requests: ServerRequests, clock: { now(): number }, count: Count) {
    this.#keys = keys
    this.#requests = requests
    this.#clock = clock
    this.#count = count
  }

  /** True if keys of a signer came that may make the event verify. `keep`: as in `KeyRing.admit`. */
  async fetchFor(json: JsonObject, from: ServerName, options: { readonly keep: boolean }): Promise<boolean> {
    let came = false
    for (const server of signersOf(json)) came = (await this.#fetch(server, from, options)) || came
    return came
  }

  async #fetch(server: ServerName, from: ServerName, options: { readonly keep: boolean }): Promise<boolean> {
    const now = this.#clock.now()
    const question = `${from} ${server}`
    const before = this.#asked.get(question)
    if (server === this.#keys.serverName || (before !== undefined && now - before < limits.keyRetryInterval))
      return false
    this.#asked.set(question, now)
    const uri = `/_matrix/key/v2/query/${encodeURIComponent(server)}`
    const answer = await ask(
      this.#requests.request(from, 'GET', uri, undefined, {
        timeoutMs: limits.fetchTimeout,
        maxResponseBytes: limits.bytesPerSmallAnswer,
      }),
    )
    if (!answer.ok) return false
    const [serverKeys] = asArray(answer.value.server_keys) ?? []
    // Keys of somebody else were not asked for, and would be taken in at the answerer's pleasure.
    if (asObject(serverKeys)?.server_name !== server) return false
    const admitted = await this.#keys.admit(serverKeys, options)
    if (!admitted.ok) this.#count('server_keys_refused', admitted.reason)
    return admitted.ok
  }
}

function signersOf(json: JsonObject): ReadonlySet<ServerName> {
  const sender = parseUserId(json.sender)
  const signers = new Set<ServerName>(sender ? [serverOf(sender)] : [])
  for (const name of Object.keys(asObject(json.signatures) ?? {})) {
    const server = parseServerName(name)
    if (server && signers.size < SIGNERS) signers.add(server)
  }
  return signers
}
