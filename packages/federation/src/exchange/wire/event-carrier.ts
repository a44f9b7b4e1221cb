import type { JsonObject, Pdu, ServerName } from '@starling/protocol'
import { serverOf, withoutKeys } from '@starling/protocol'
import { breathe } from '../../breathe.ts'
import type { CheckedPdu, CheckResult, KeyRing, RoomEngine } from '../../contracts.ts'
import type { Count } from '../ports.ts'
import type { KeyFetcher } from './key-fetcher.ts'
import { asArray, asObject } from './read-json.ts'

/** Keys of servers verified between two turns of the event loop: some 5 ms. */
const KEYS_AT_ONCE = 64

/**
 * Events as they travel: a PDU with its server's `server_keys` beside the signatures (DESIGN section 3). In one
 * list each server's keys stand on its first event only, so that readers take the keys of a whole list before they check.
 */
export class EventCarrier {
  readonly #engine: RoomEngine
  readonly #keys: KeyRing
  readonly #fetcher: KeyFetcher
  readonly #count: Count

  constructor(engine: RoomEngine, keys: KeyRing, fetcher: KeyFetcher, count: Count) {
    this.#engine = engine
    this.#keys = keys
    this.#fetcher = fetcher
    this.#count = count
  }

  /** `carried`: servers whose keys this answer holds already; several lists of one answer share it. */
  async pack(events: Iterable<Pdu | JsonObject>, carried: Set<ServerName> = new Set()): Promise<JsonObject[]> {
    const packed: JsonObject[] = []
    for (const event of events) {
      const json = 'eventId' in event && 'json' in event ? (event as Pdu).json : (event as JsonObject)
      const server = serverOf(String(json.sender) as Pdu['sender'])
      if (!server || carried.has(server)) {
        packed.push(json)
        continue
      }
      carried.add(server)
      const serverKeys = await this.#serverKeys(server)
      packed.push(serverKeys ? { ...json, server_keys: serverKeys } : json)
    }
    return packed
  }

  /**
   * Takes the keys on the event, then makes the stateless checks. Keys that are lacking are asked of `from`. With `keep` false,
   * for events that come unasked from strangers, keys stay in memory until an event of their server is accepted.
   */
  async unpack(
    value: unknown,
    roomVersion: string,
    from?: ServerName,
    { keep = true }: { readonly keep?: boolean } = {},
  ): Promise<CheckResult> {
    const json = asObject(value)
    if (!json) return { ok: false, code: 'not-an-object', reason: 'an event is no JSON object' }
    if (json.server_keys !== undefined) await this.#admit(json, keep)
    return this.#check(json, roomVersion, from, keep)
  }

  /** Every event of a list, or why the list is none. What fails its checks is counted and left out of `events`. */
  async unpackList(
    value: unknown,
    roomVersion: string,
    max: number,
    from?: ServerName,
  ): Promise<{ readonly events: readonly CheckedPdu[]; readonly failed: number } | undefined> {
    const list = asArray(value)
    if (!list || list.length > max) return undefined
    const events: CheckedPdu[] = []
    const objects = list.map(asObject).filter((one) => one !== undefined)
    let failed = list.length - objects.length
    if (failed > 0) this.#count('fetched_event_refused', 'not-an-object')
    for (const result of await this.unpackAll(objects, roomVersion, from)) {
      if (result.ok) events.push(result.checked)
      else {
        failed++
        this.#count('fetched_event_refused', result.code)
      }
    }
    return { events, failed }
  }

  /** {@link unpack} of each, in their order: the keys on all of them are taken first, and they are checked together. */
  async unpackAll(list: readonly JsonObject[], roomVersion: string, from?: ServerName): Promise<CheckResult[]> {
    const storing: Promise<void>[] = []
    await this.#admitAll(list, storing)
    const bare = list.map(bareEvent)
    const results = [...(await this.#engine.checkAll(bare, roomVersion))]
    for (const [index, result] of results.entries()) {
      const event = bare[index] as JsonObject
      results[index] = await this.#withFetchedKeys(result, event, roomVersion, from, true)
    }
    await Promise.all(storing)
    return results
  }

  async #check(
    json: JsonObject,
    roomVersion: string,
    from: ServerName | undefined,
    keep: boolean,
  ): Promise<CheckResult> {
    const event = bareEvent(json)
    return this.#withFetchedKeys(await this.#engine.check(event, roomVersion), event, roomVersion, from, keep)
  }

  /** Where a key is not known it is asked of `from`, and the event checked again. */
  async #withFetchedKeys(
    result: CheckResult,
    event: JsonObject,
    roomVersion: string,
    from: ServerName | undefined,
    keep: boolean,
  ): Promise<CheckResult> {
    if (result.ok || result.code !== 'unknown_key' || !from) return result
    return (await this.#fetcher.fetchFor(event, from, { keep })) ? this.#engine.check(event, roomVersion) : result
  }

  /** New keys are written to the disk together, and while the events are checked: each would wait for a flush of its own. */
  async #admitAll(list: readonly JsonObject[], storing: Promise<void>[]): Promise<void> {
    const carrying = list.filter(({ server_keys }) => server_keys !== undefined)
    for (let start = 0; start < carrying.length; start += KEYS_AT_ONCE) {
      if (start > 0) await breathe()
      await Promise.all(carrying.slice(start, start + KEYS_AT_ONCE).map((json) => this.#admit(json, true, storing)))
    }
  }

  async #admit(json: JsonObject, keep: boolean, storing?: Promise<void>[]): Promise<void> {
    if (json.server_keys === undefined) return
    const admitted = await this.#keys.admit(json.server_keys, storing ? { keep, storing } : { keep })
    if (!admitted.ok) this.#count('server_keys_refused', admitted.reason)
  }

  async #serverKeys(server: ServerName): Promise<JsonObject | undefined> {
    return server === this.#keys.serverName ? this.#keys.ownServerKeys() : this.#keys.serverKeysOf(server)
  }
}

/** What a peer's event is without what travels beside it. */
function bareEvent(json: JsonObject): JsonObject {
  const isBare = json.server_keys === undefined && json.unsigned === undefined
  return isBare ? json : withoutKeys(json, 'server_keys', 'unsigned')
}
