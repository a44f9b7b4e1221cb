import type { BatchOperation, KeyValueStore, UserId } from '@starling/protocol'
import type { DeviceChanges } from '../devices/ports.ts'
import type { RoomReader, StreamPositions } from '../ports.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'
import type { DeviceAnnouncements } from './device-announcements.ts'

export interface DeviceListsDeps {
  readonly store: KeyValueStore
  readonly positions: StreamPositions
  readonly rooms: Pick<RoomReader, 'sharesRoomWith'>
  readonly announcements: DeviceAnnouncements
  /** Local users that have devices. */
  readonly localUsers: () => Promise<ReadonlySet<UserId>>
  /** Whether the device has identity keys, and so is on other people's lists. */
  readonly hasKeys: (userId: UserId, deviceId: string) => Promise<boolean>
}

/**
 * Who changed their devices or keys, and when: a log with one row per user, the newest. Every change is one batch with the
 * rows that it is about and the announcement to other servers; syncs see it at its position.
 */
export class DeviceLists implements DeviceChanges {
  readonly #deps: DeviceListsDeps
  readonly #log
  readonly #positions
  readonly #streams
  readonly #signed
  /** One commit per user at a time: stream ids and the log row are read before they are written. */
  readonly #queue = new KeyedQueue()

  constructor(deps: DeviceListsDeps) {
    const { store } = deps
    this.#deps = deps
    this.#log = defineTable<[position: number], UserId>(store, buckets.deviceListLog, 'n')
    this.#positions = defineTable<[user: string], { position: number }>(store, buckets.deviceListPositions, 's')
    this.#signed = defineTable<[signer: string, user: string], { position: number }>(store, buckets.signedUsers, 'ss')
    this.#streams = defineTable<[user: string], { streamId: number }>(store, buckets.deviceListStreams, 's')
  }

  async commitDevice(
    userId: UserId,
    deviceId: string,
    operations: readonly BatchOperation[],
    options: { readonly deleted?: boolean; readonly newKeys?: boolean } = {},
  ): Promise<void> {
    if (!options.newKeys && !(await this.#deps.hasKeys(userId, deviceId))) {
      // Without keys it is on nobody's list: there is nothing to tell.
      await this.#deps.store.batch(operations)
      return
    }
    await this.#queue.run(userId, async () => {
      const previous = (await this.#streams.get(userId))?.streamId
      await this.#commitLogged(userId, operations, await this.interestedIn(userId), (streamId) => [
        this.#streams.put([userId], { streamId }),
        this.#deps.announcements.put(userId, streamId, {
          kind: 'device',
          deviceId,
          deleted: options.deleted ?? false,
          ...(previous === undefined ? {} : { prevId: previous }),
        }),
      ])
    })
    await this.#deps.announcements.flush()
  }

  /** New cross-signing keys, or a new signature on the master key. */
  async commitSigningKeys(userId: UserId, operations: readonly BatchOperation[]): Promise<void> {
    await this.#queue.run(userId, async () =>
      this.#commitLogged(userId, operations, await this.interestedIn(userId), (order) => [
        this.#deps.announcements.put(userId, order, { kind: 'signing-keys' }),
      ]),
    )
    await this.#deps.announcements.flush()
  }

  /**
   * The user has signed another user's key, which only the user's own clients get to see (Client-Server API, "Key and
   * signature security"): not in the log that everybody reads.
   */
  async commitSigned(userId: UserId, signed: UserId, operations: readonly BatchOperation[]): Promise<void> {
    await this.#atPosition([userId], (position) => [...operations, this.#signed.put([userId, signed], { position })])
  }

  /** A user of another server changed. `interested`: the local users who share rooms. */
  commitRemote(userId: UserId, operations: readonly BatchOperation[], interested: readonly UserId[]): Promise<void> {
    return this.#queue.run(userId, () => this.#commitLogged(userId, operations, interested))
  }

  /** Users with their newest change in `from < position <= to`. */
  async changedBetween(from: number, to: number): Promise<UserId[]> {
    const users: UserId[] = []
    for await (const { row } of this.#log.scan([], { after: from, upTo: to })) users.push(row)
    return users
  }

  /** Users whose keys this user has signed in `from < position <= to`. Few: one row per person verified. */
  async signedBetween(userId: UserId, from: number, to: number): Promise<UserId[]> {
    const users: UserId[] = []
    for await (const { key, row } of this.#signed.scan([userId])) {
      if (row.position > from && row.position <= to) users.push(key[1] as UserId)
    }
    return users
  }

  /** Local users who share a room with this user, itself included if it is one. */
  async interestedIn(userId: UserId): Promise<UserId[]> {
    const interested: UserId[] = []
    for (const local of await this.#deps.localUsers()) {
      if (local === userId || (await this.#deps.rooms.sharesRoomWith(local)).has(userId)) interested.push(local)
    }
    return interested
  }

  /** `stream_id` for `GET /user/devices`: that of the last update; 0 before the first. */
  async streamId(userId: UserId): Promise<number> {
    return (await this.#streams.get(userId))?.streamId ?? 0
  }

  async #commitLogged(
    userId: UserId,
    operations: readonly BatchOperation[],
    interested: readonly UserId[],
    more: (position: number) => readonly BatchOperation[] = () => [],
  ): Promise<void> {
    const before = (await this.#positions.get(userId))?.position
    await this.#atPosition(interested, (position) => [
      ...operations,
      ...(before === undefined ? [] : [this.#log.del(before)]),
      this.#log.put([position], userId),
      this.#positions.put([userId], { position }),
      ...more(position),
    ])
  }

  async #atPosition(
    interested: readonly UserId[],
    operations: (position: number) => readonly BatchOperation[],
  ): Promise<void> {
    const pending = this.#deps.positions.allocate()
    try {
      await this.#deps.store.batch(operations(pending.position))
    } catch (error) {
      pending.abandon()
      throw error
    }
    pending.done({ users: interested })
  }
}
