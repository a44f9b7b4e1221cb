import { type OpenRooms, openRooms, type RoomCreation, RoomError } from '@starling/federation'
import {
  type Clock,
  canonicalJson,
  type EventId,
  type JsonObject,
  type KeyValueStore,
  type RoomId,
  SUPPORTED_VERSIONS,
  type UserId,
} from '@starling/protocol'
import { type FakeKeyDirectory, FakeKeyRing } from './fake-key-ring.ts'
import { testCrypto } from './test-crypto.ts'
import { QuietLogger, testRandomBytes } from './test-surroundings.ts'

export interface LocalRoomsOptions {
  readonly serverName: string
  readonly store: KeyValueStore
  readonly clock: Clock
  /** Shared by the servers of a test that take one another's events. */
  readonly keys?: FakeKeyDirectory
  readonly seed?: number
}

interface LocalChange {
  readonly roomId: RoomId
  readonly sender: UserId
  readonly target: UserId
  readonly membership: string
  readonly reason?: string
  readonly content?: JsonObject
}

/**
 * The real room engine of one server without any other: fits matrix-api's `Rooms`, with its `RoomReader` and
 * `StreamPositions` beside it. Memberships are changed as the exchange changes them where nobody else is needed.
 */
export class LocalRooms {
  readonly serverName: string
  readonly open: OpenRooms
  readonly logger: QuietLogger
  readonly defaultVersion = '12'
  readonly versions = SUPPORTED_VERSIONS

  private constructor(serverName: string, open: OpenRooms, logger: QuietLogger) {
    this.serverName = serverName
    this.open = open
    this.logger = logger
  }

  static async start(options: LocalRoomsOptions): Promise<LocalRooms> {
    const { serverName, store, clock } = options
    const logger = new QuietLogger()
    const keys = new FakeKeyRing(serverName, options.keys)
    const randomBytes = testRandomBytes(options.seed ?? 1)
    const open = await openRooms({ store, keys, crypto: testCrypto, clock, logger, randomBytes })
    return new LocalRooms(serverName, open, logger)
  }

  get reader() {
    return this.open.reader
  }

  get positions() {
    return this.open.positions
  }

  create(creation: RoomCreation): Promise<RoomId> {
    return this.open.engine.create(creation)
  }

  send(
    draft: Parameters<OpenRooms['engine']['send']>[0],
    options?: Parameters<OpenRooms['engine']['send']>[1],
  ): Promise<EventId> {
    return this.open.engine.send(draft, options)
  }

  forget(roomId: RoomId, userId: UserId): Promise<void> {
    return this.open.engine.forget(roomId, userId)
  }

  async changeMembership(change: LocalChange): Promise<{ readonly eventId: EventId | undefined }> {
    const { roomId, sender, target, membership, reason, content } = change
    const current = (await this.reader.membership(roomId, target))?.membership
    if (current === membership && !(await this.#saysAnythingNew(change))) return { eventId: undefined }
    if (membership === 'leave' && current === undefined) throw new RoomError('unknown-room', 'never in the room')
    const eventId = await this.send({
      roomId,
      sender,
      type: 'm.room.member',
      stateKey: target,
      content: { ...content, membership, ...(reason === undefined ? {} : { reason }) },
    })
    return { eventId }
  }

  /** A join of who is joined, with another name or avatar. */
  async #saysAnythingNew({ roomId, target, membership, content }: LocalChange): Promise<boolean> {
    if (membership !== 'join' || content === undefined) return false
    const event = await this.reader.stateEvent(roomId, 'm.room.member', target)
    return canonicalJson({ ...content, membership }) !== canonicalJson(event?.pdu.content ?? {})
  }

  stop(): Promise<void> {
    return this.open.stop()
  }
}
