import type {
  Crypto,
  EventId,
  JsonObject,
  Pdu,
  RoomId,
  ServerName,
  StateMap,
  StateSlot,
  UserId,
} from '@starling/protocol'
import { contentHash, encodeBase64, parsePdu, redact, roomVersionRules, serverOf, stateSlot } from '@starling/protocol'
import type { CheckResult, KeyRing, OutboxRow, PduOutbox, RoomWatcher, StoredPdu } from '../../src/contracts.ts'
import { checkPdu } from '../../src/ingest/check-pdu.ts'
import type { NetEngine } from '../../src/net/ports.ts'

export const VERSION = '11'

/** Rooms as net sees them: who is joined where, and the real stateless checks. No DAG: what comes in is only written down. */
export class FakeRooms implements NetEngine, PduOutbox {
  readonly #keys: KeyRing
  readonly #crypto: Crypto
  readonly #members = new Map<RoomId, ReadonlySet<UserId>>()
  readonly #watchers = new Set<RoomWatcher>()
  readonly #rows: OutboxRow[] = []
  /** Events that count as stored. */
  readonly known = new Set<EventId>()
  readonly #acls = new Map<RoomId, JsonObject>()
  #lastRow = 0

  constructor(keys: KeyRing, crypto: Crypto, rows: readonly OutboxRow[] = []) {
    this.#keys = keys
    this.#crypto = crypto
    this.#rows.push(...rows)
    this.#lastRow = rows.at(-1)?.id ?? 0
  }

  /** Sets who is joined, and tells watchers. */
  setMembers(roomId: RoomId, members: readonly UserId[]): void {
    this.#members.set(roomId, new Set(members))
    for (const watcher of this.#watchers) watcher.serversChanged?.(roomId)
  }

  /** A signed message event of this server, put into the outbox as the engine would. */
  send(roomId: RoomId, sender: UserId, body: string): Pdu {
    const pdu = this.message(roomId, sender, body)
    this.#lastRow += 1
    this.#rows.push({ id: this.#lastRow, roomId, pdu })
    for (const watcher of this.#watchers) watcher.localEvent?.(roomId, pdu)
    return pdu
  }

  /** A message event signed with this node's key, whoever its sender is said to be. */
  message(roomId: RoomId, sender: UserId, body: string): Pdu {
    const rules = roomVersionRules(VERSION)
    if (!rules) throw new Error('unknown room version')
    const unsigned = {
      type: 'm.room.message',
      room_id: roomId,
      sender,
      content: { msgtype: 'm.text', body },
      prev_events: [`$${'p'.repeat(43)}`],
      auth_events: [`$${'a'.repeat(43)}`],
      depth: 5,
      origin_server_ts: 1_795_219_200_000,
    }
    const hashed = { ...unsigned, hashes: { sha256: encodeBase64(contentHash(unsigned, this.#crypto.sha256)) } }
    const signatures = this.#keys.sign(redact(hashed, rules)).signatures as JsonObject
    const parsed = parsePdu({ ...hashed, signatures }, rules, this.#crypto.sha256)
    if (!parsed.ok) throw new Error(parsed.reason)
    return parsed.pdu
  }

  get waiting(): readonly OutboxRow[] {
    return this.#rows
  }

  async pending(limit: number, after = 0): Promise<readonly OutboxRow[]> {
    return this.#rows.filter(({ id }) => id > after).slice(0, limit)
  }

  async done(ids: readonly number[]): Promise<void> {
    for (const id of ids) {
      const index = this.#rows.findIndex((row) => row.id === id)
      if (index >= 0) this.#rows.splice(index, 1)
    }
  }

  watch(watcher: RoomWatcher): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  async joinedRooms(): Promise<readonly RoomId[]> {
    return [...this.#members.keys()].filter((roomId) => this.isServerJoined(roomId, this.#keys.serverName))
  }

  async joinedServers(roomId: RoomId): Promise<ReadonlySet<ServerName>> {
    return new Set([...(this.#members.get(roomId) ?? [])].map((userId) => serverOf(userId)))
  }

  isServerJoined(roomId: RoomId, server: ServerName): boolean {
    return [...(this.#members.get(roomId) ?? [])].some((userId) => serverOf(userId) === server)
  }

  /** Sets the room's access control list, and tells watchers. */
  setAcl(roomId: RoomId, content: JsonObject): void {
    this.#acls.set(roomId, content)
    const event = { type: 'm.room.server_acl', stateKey: '', content } as unknown as Pdu
    for (const watcher of this.#watchers) watcher.accepted?.(roomId, event)
  }

  async inDag(eventIds: readonly EventId[]): Promise<ReadonlySet<EventId>> {
    return new Set(eventIds.filter((eventId) => this.known.has(eventId)))
  }

  async roomVersion(roomId: RoomId): Promise<string | undefined> {
    return this.#members.has(roomId) ? VERSION : undefined
  }

  check(json: JsonObject, roomVersion: string): Promise<CheckResult> {
    return checkPdu(json, roomVersion, this.#keys, this.#crypto)
  }

  async currentState(roomId: RoomId): Promise<StateMap> {
    const members = [...(this.#members.get(roomId) ?? [])]
    const acl = this.#acls.has(roomId) ? `$acl ${roomId}` : undefined
    return new Map<StateSlot, EventId>([
      ...members.map((userId) => [stateSlot('m.room.member', userId), `$${userId}` as EventId] as const),
      ...(acl ? [[stateSlot('m.room.server_acl', ''), acl as EventId] as const] : []),
    ])
  }

  async events(eventIds: readonly EventId[]): Promise<ReadonlyMap<EventId, StoredPdu>> {
    return new Map(
      eventIds.map((eventId) => {
        const acl = this.#acls.get(eventId.replace('$acl ', '') as RoomId)
        const pdu = { eventId, content: acl ?? { membership: 'join' } } as unknown as Pdu
        return [eventId, { pdu, roomVersion: VERSION, status: 'accepted' }]
      }),
    )
  }
}
