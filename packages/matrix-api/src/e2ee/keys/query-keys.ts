import {
  type AbortOptions,
  type Ed25519,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type ServerName,
  serverOf,
  type UserId,
} from '@starling/protocol'
import type { RemoteServers, RoomReader } from '../../ports.ts'
import { mapConcurrent } from '../../rooms/map-concurrent.ts'
import type { LocalAccounts } from '../../sync/ports.ts'
import type { KeyView } from '../key-view.ts'
import { parseDeviceList, type RemoteDeviceList } from '../remote/parse-device-list.ts'
import type { RemoteDeviceLists } from '../remote/remote-device-lists.ts'
import { type RemoteFailure, remoteFailure, settleWithin } from './remote-failure.ts'

export interface QueryKeysDeps {
  readonly view: KeyView
  readonly accounts: LocalAccounts
  readonly rooms: Pick<RoomReader, 'sharesRoomWith'>
  readonly remoteLists: RemoteDeviceLists
  readonly remote: Pick<RemoteServers, 'queryKeys'>
  readonly ed25519: Ed25519
}

/** user id → device ids; an empty list asks for all devices. */
export type KeyQuery = ReadonlyMap<UserId, readonly string[]>

/** What is known of one user. */
interface FoundKeys {
  readonly userId: UserId
  readonly devices: { readonly [deviceId: string]: JsonObject }
  readonly master?: JsonObject
  readonly selfSigning?: JsonObject
  readonly userSigning?: JsonObject
}

/** Servers asked at once. In a network of one-person servers a room is asked member by member. */
const MAX_CONCURRENT_SERVERS = 32
/** Users of one server whose lists are fetched at once. */
const MAX_CONCURRENT_USERS = 4

/** `POST /keys/query`, and its part between servers. Client-Server API, "Tracking the device list for a user". */
export class QueryKeys {
  readonly #deps: QueryKeysDeps

  constructor(deps: QueryKeysDeps) {
    this.#deps = deps
  }

  /** The answer for a local client. Servers that do not answer in time are `failures`; their users get what is cached. */
  async query(
    viewer: UserId,
    wanted: KeyQuery,
    options: AbortOptions & { readonly timeoutMs: number },
  ): Promise<JsonObject> {
    const { accounts, rooms } = this.#deps
    const local = [...wanted].filter(([userId]) => accounts.isLocal(userId))
    const byServer = Map.groupBy(
      [...wanted].filter(([userId]) => !accounts.isLocal(userId)),
      ([userId]) => serverOf(userId),
    )
    const shared = byServer.size === 0 ? new Set<UserId>() : await rooms.sharesRoomWith(viewer)
    const found: FoundKeys[] = []
    for (const [userId, deviceIds] of local) found.push(...(await this.#local(userId, deviceIds, viewer)))
    const failures: [ServerName, RemoteFailure][] = []
    await mapConcurrent([...byServer], MAX_CONCURRENT_SERVERS, async ([server, users]) => {
      const answer = await this.#askServer(server, users, shared, options)
      found.push(...(await Promise.all(answer.found.map((keys) => this.#withViewersSignatures(keys, viewer)))))
      if (answer.failure) failures.push([server, answer.failure])
    })
    return { ...asAnswer(found), user_signing_keys: pick(found, 'userSigning'), failures: Object.fromEntries(failures) }
  }

  /** `POST /user/keys/query` of another server: local users only, no user-signing keys. */
  async queryLocal(wanted: KeyQuery): Promise<JsonObject> {
    const found: FoundKeys[] = []
    for (const [userId, deviceIds] of wanted) {
      if (this.#deps.accounts.isLocal(userId)) found.push(...(await this.#local(userId, deviceIds, undefined)))
    }
    return asAnswer(found)
  }

  async #local(userId: UserId, deviceIds: readonly string[], viewer: UserId | undefined): Promise<FoundKeys[]> {
    const { accounts, view } = this.#deps
    if (!(await accounts.exists(userId))) return []
    const keys = await view.crossSigningKeys(userId, viewer)
    return [
      {
        userId,
        devices: await view.devices(userId, deviceIds),
        ...(keys.master ? { master: keys.master } : {}),
        ...(keys.self_signing ? { selfSigning: keys.self_signing } : {}),
        ...(keys.user_signing ? { userSigning: keys.user_signing } : {}),
      },
    ]
  }

  /** From the cache where it is current; by user where the answer can be kept, in one request where it cannot. */
  async #askServer(
    server: ServerName,
    users: readonly (readonly [UserId, readonly string[]])[],
    shared: ReadonlySet<UserId>,
    options: AbortOptions & { readonly timeoutMs: number },
  ): Promise<{ readonly found: readonly FoundKeys[]; readonly failure?: RemoteFailure }> {
    const found: FoundKeys[] = []
    let failure: RemoteFailure | undefined
    const strangers = users.filter(([userId]) => !shared.has(userId))
    const known = users.filter(([userId]) => shared.has(userId))
    await mapConcurrent(known, MAX_CONCURRENT_USERS, async ([userId, deviceIds]) => {
      const cached = await this.#deps.remoteLists.cached(userId)
      if (cached?.current) {
        found.push(fromList(userId, cached.list, deviceIds))
        return
      }
      const fetched = await settleWithin(this.#deps.remoteLists.fetch(userId), options)
      if (!fetched.ok) failure ??= remoteFailure(fetched.error)
      const list = (fetched.ok ? fetched.value : undefined) ?? cached?.list
      if (list) found.push(fromList(userId, list, deviceIds))
    })
    if (strangers.length > 0) {
      const answer = await this.#askStrangers(server, strangers, options)
      found.push(...answer.found)
      failure ??= answer.failure
    }
    return { found, ...(failure ? { failure } : {}) }
  }

  async #askStrangers(
    server: ServerName,
    users: readonly (readonly [UserId, readonly string[]])[],
    options: AbortOptions & { readonly timeoutMs: number },
  ): Promise<{ readonly found: readonly FoundKeys[]; readonly failure?: RemoteFailure }> {
    const { remote, ed25519 } = this.#deps
    const signal = AbortSignal.any([
      AbortSignal.timeout(options.timeoutMs),
      ...(options.signal ? [options.signal] : []),
    ])
    const body = { device_keys: Object.fromEntries(users) }
    const answered = await settleWithin(remote.queryKeys(server, body, { signal }), options)
    if (!answered.ok) {
      const failure = remoteFailure(answered.error)
      return { found: [], ...(failure ? { failure } : {}) }
    }
    const found = users.flatMap(([userId, deviceIds]) => {
      const list = listFromQuery(userId, answered.value, ed25519)
      return list ? [fromList(userId, list, deviceIds)] : []
    })
    return { found }
  }

  /** What the viewer has signed of the other's master key. */
  async #withViewersSignatures(keys: FoundKeys, viewer: UserId): Promise<FoundKeys> {
    if (!keys.master) return keys
    return { ...keys, master: await this.#deps.view.signedByViewer(keys.userId, keys.master, viewer) }
  }
}

/** One user's part of the answer to `POST /user/keys/query`, in the shape of the other request. */
function listFromQuery(userId: UserId, answer: JsonObject, ed25519: Ed25519): RemoteDeviceList | undefined {
  const of = (field: string): JsonValue | undefined => {
    const byUser = answer[field]
    return isJsonObject(byUser) && Object.hasOwn(byUser, userId) ? byUser[userId] : undefined
  }
  const devices = of('device_keys')
  if (!isJsonObject(devices)) return undefined
  const items = Object.entries(devices).map(([deviceId, keys]) => {
    const unsigned = isJsonObject(keys) && isJsonObject(keys.unsigned) ? keys.unsigned : {}
    return { device_id: deviceId, keys: keys ?? null, device_display_name: unsigned.device_display_name ?? null }
  })
  const masterKey = of('master_keys') ?? null
  const selfSigningKey = of('self_signing_keys') ?? null
  return parseDeviceList(
    userId,
    { user_id: userId, devices: items, master_key: masterKey, self_signing_key: selfSigningKey },
    ed25519,
  )
}

function fromList(userId: UserId, list: RemoteDeviceList, deviceIds: readonly string[]): FoundKeys {
  const wanted = new Set(deviceIds)
  const devices = Object.entries(list.devices)
    .filter(([deviceId]) => wanted.size === 0 || wanted.has(deviceId))
    .map(([deviceId, { keys, displayName }]) => [
      deviceId,
      { ...keys, unsigned: displayName === undefined ? {} : { device_display_name: displayName } },
    ])
  return {
    userId,
    devices: Object.fromEntries(devices),
    ...(list.master ? { master: list.master } : {}),
    ...(list.selfSigning ? { selfSigning: list.selfSigning } : {}),
  }
}

function asAnswer(found: readonly FoundKeys[]): JsonObject {
  return {
    device_keys: Object.fromEntries(found.map(({ userId, devices }) => [userId, devices])),
    master_keys: pick(found, 'master'),
    self_signing_keys: pick(found, 'selfSigning'),
  }
}

function pick(found: readonly FoundKeys[], field: 'master' | 'selfSigning' | 'userSigning'): JsonObject {
  return Object.fromEntries(found.filter((keys) => keys[field]).map((keys) => [keys.userId, keys[field]]))
}
