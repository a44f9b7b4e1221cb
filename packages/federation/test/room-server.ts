import {
  type EventId,
  encodeBase64,
  eventTemplate,
  type JsonObject,
  type KeyValueStore,
  type Pdu,
  type RoomId,
  referenceHash,
  roomVersionRules,
  type StateMap,
  selectAuthEvents,
  type UserId,
} from '@starling/protocol'
import {
  type FakeKeyDirectory,
  FakeKeyRing,
  MemoryStore,
  QuietLogger,
  TestClock,
  testCrypto,
  testRandomBytes,
} from '@starling/testkit'
import type { CheckedPdu, LocalDraft, Verdict } from '../src/contracts.ts'
import { type OpenRooms, openRooms } from '../src/room/open-rooms.ts'

export interface RoomServerOptions {
  readonly keys?: FakeKeyDirectory
  readonly store?: KeyValueStore
  readonly clock?: TestClock
}

/** A room engine over a memory store, under a server name of its own: what two servers say to each other is moved by hand. */
export class RoomServer {
  readonly keys: FakeKeyRing
  readonly logger = new QuietLogger()
  readonly clock: TestClock
  readonly store: KeyValueStore
  readonly rooms: OpenRooms

  private constructor(keys: FakeKeyRing, store: KeyValueStore, clock: TestClock, rooms: OpenRooms) {
    this.keys = keys
    this.store = store
    this.clock = clock
    this.rooms = rooms
  }

  static async open(name: string, options: RoomServerOptions = {}): Promise<RoomServer> {
    const keys = new FakeKeyRing(name, options.keys)
    const store = options.store ?? new MemoryStore()
    const clock = options.clock ?? new TestClock()
    const rooms = await openRooms({
      store,
      keys,
      crypto: testCrypto,
      clock,
      logger: new QuietLogger(),
      randomBytes: testRandomBytes(name.length * 7 + (name.charCodeAt(0) || 0)),
    })
    return new RoomServer(keys, store, clock, rooms)
  }

  get engine() {
    return this.rooms.engine
  }

  get reader() {
    return this.rooms.reader
  }

  user(localpart: string): UserId {
    return this.keys.userId(localpart)
  }

  /** A public room with history for all, its creator with power 100. */
  createRoom(creator: UserId, roomVersion = '12', events: readonly RoomEventDraft[] = PUBLIC_ROOM): Promise<RoomId> {
    const users = roomVersion === '12' ? {} : { [creator]: 100 }
    const powerLevels = { type: 'm.room.power_levels', stateKey: '', content: { users, events: { 'm.room.name': 0 } } }
    return this.engine.create({ creator, roomVersion, creationContent: {}, events: [powerLevels, ...events] })
  }

  message(roomId: RoomId, sender: UserId, body: string): Promise<EventId> {
    return this.engine.send({ roomId, sender, type: 'm.room.message', content: { msgtype: 'm.text', body } })
  }

  setState(roomId: RoomId, sender: UserId, type: string, stateKey: string, content: JsonObject): Promise<EventId> {
    return this.engine.send({ roomId, sender, type, stateKey, content })
  }

  setMembership(roomId: RoomId, sender: UserId, target: UserId, membership: string): Promise<EventId> {
    return this.setState(roomId, sender, 'm.room.member', target, { membership })
  }

  async pdu(eventId: EventId): Promise<Pdu> {
    const stored = (await this.engine.events([eventId])).get(eventId)
    if (!stored) throw new Error(`${eventId} is not here`)
    return stored.pdu
  }

  /**
   * An event of this server with whatever is asked for, valid or not, hashed and signed. What is not given follows the
   * room as this server sees it.
   */
  async craft(roomId: RoomId, draft: CraftedEvent): Promise<JsonObject> {
    const roomVersion = (await this.engine.roomVersion(roomId)) ?? ''
    const rules = roomVersionRules(roomVersion)
    if (!rules) throw new Error('no such room')
    const { sender, type, stateKey, content = {}, redacts, ...given } = draft
    const state = given.state ?? (await this.engine.currentState(roomId))
    const prevEvents = given.prevEvents ?? (await this.engine.forwardExtremities(roomId))
    const authEvents = given.authEvents ?? selectAuthEvents({ type, sender, stateKey, content }, state, rules)
    const referred = await this.engine.events([...prevEvents, ...authEvents])
    const hashOf = ({ pdu }: { readonly pdu: Pdu }) => encodeBase64(referenceHash(pdu.json, rules, testCrypto.sha256))
    const event = eventTemplate(
      {
        type,
        sender,
        roomId,
        content,
        prevEvents,
        authEvents,
        depth: given.depth ?? 50,
        originServerTs: given.ts ?? this.clock.now(),
        referenceHashes: new Map([...referred].map(([id, stored]) => [id, hashOf(stored)])),
        ...(stateKey === undefined ? {} : { stateKey }),
        ...(redacts === undefined ? {} : { redacts }),
      },
      rules,
    )
    return this.engine.finish(event, roomVersion).pdu.json
  }

  /** The event as another server would read it off the wire: checked there from nothing but its JSON. */
  async receive(json: JsonObject, roomVersion: string): Promise<Verdict> {
    return this.engine.receive(await this.check(json, roomVersion))
  }

  async check(json: JsonObject, roomVersion: string): Promise<CheckedPdu> {
    const result = await this.engine.check(JSON.parse(JSON.stringify(json)) as JsonObject, roomVersion)
    if (!result.ok) throw new Error(`${result.code}: ${result.reason}`)
    return result.checked
  }

  /** Gives an event of this server to others, who check it from its JSON. */
  async give(eventId: EventId, ...others: readonly RoomServer[]): Promise<Verdict[]> {
    const stored = (await this.engine.events([eventId])).get(eventId)
    if (!stored) throw new Error(`${eventId} is not here`)
    return Promise.all(others.map((other) => other.receive(stored.pdu.json, stored.roomVersion)))
  }

  /** Joins a user of this server to a room that lives on the other, as `make_join` and `send_join` would. */
  async joinVia(resident: RoomServer, roomId: RoomId, user: UserId): Promise<EventId> {
    const roomVersion = (await resident.engine.roomVersion(roomId)) ?? ''
    const draft: LocalDraft = {
      roomId,
      sender: user,
      type: 'm.room.member',
      stateKey: user,
      content: { membership: 'join' },
    }
    const join = this.engine.finish(await resident.engine.template(draft), roomVersion)
    const { eventId } = join.pdu
    const accepted = await resident.receive(join.pdu.json, roomVersion)
    if (accepted.kind !== 'accepted') throw new Error(`the join was ${accepted.kind}`)
    const before = await resident.engine.stateBefore(roomId, eventId)
    const ids = [...(before?.values() ?? [])]
    const chain = [...(await resident.engine.authChain([...ids, eventId]))]
    const checkAll = async (eventIds: readonly EventId[]): Promise<CheckedPdu[]> => {
      const stored = await resident.engine.events(eventIds)
      return Promise.all([...stored.values()].map(({ pdu }) => this.check(pdu.json, roomVersion)))
    }
    const verdict = await this.engine.importRoom({
      roomId,
      roomVersion,
      state: await checkAll(ids),
      authChain: await checkAll(chain),
      event: join,
    })
    if (verdict.kind !== 'accepted') throw new Error(`the import was ${JSON.stringify(verdict)}`)
    return eventId
  }

  async stateOf(roomId: RoomId): Promise<Record<string, string>> {
    const entries = [...(await this.engine.currentState(roomId))]
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  async bodies(roomId: RoomId): Promise<unknown[]> {
    const { events } = await this.reader.timeline(roomId, { direction: 'f', limit: 1_000 })
    return events.flatMap(({ pdu }) => (pdu.type === 'm.room.message' ? [pdu.content.body] : []))
  }
}

export interface CraftedEvent {
  readonly sender: UserId
  readonly type: string
  readonly stateKey?: string
  readonly content?: JsonObject
  readonly redacts?: EventId
  readonly prevEvents?: readonly EventId[]
  readonly authEvents?: readonly EventId[]
  readonly state?: StateMap
  readonly depth?: number
  readonly ts?: number
}

export type RoomEventDraft = Omit<LocalDraft, 'roomId' | 'sender'>

export const PUBLIC_ROOM: readonly RoomEventDraft[] = [
  { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } },
  { type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: 'shared' } },
]
