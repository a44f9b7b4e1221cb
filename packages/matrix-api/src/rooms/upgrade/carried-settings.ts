import { type JsonObject, type JsonValue, type Logger, parseRoomId, type RoomId, type UserId } from '@starling/protocol'
import type { AccountDataStore } from '../../account-data/account-data-store.ts'
import type { RoomReader } from '../../ports.ts'
import type { PushRules } from '../../push/push-rules.ts'
import type { PushRule, RuleKind } from '../../push/rule-types.ts'
import { objectIn, stringIn } from '../content.ts'

export interface CarriedSettingsDeps {
  readonly reader: Pick<RoomReader, 'stateEvent'>
  readonly accountData: Pick<AccountDataStore, 'get' | 'update'>
  readonly pushRules: Pick<PushRules, 'rules' | 'put'>
  readonly logger: Logger
}

/** Kinds of which a client makes rules for one room: `override` is how it mutes one. */
const KINDS: readonly RuleKind[] = ['override', 'room']

/**
 * What a user has set for a room goes with them to the one that replaces it: its tags, its push rules, its place among the
 * direct chats (Client-Server API, "Room Upgrades", "Server behaviour", the last paragraph). What they have set for the new room
 * already stays.
 */
export class CarriedSettings {
  readonly #deps: CarriedSettingsDeps

  constructor(deps: CarriedSettingsDeps) {
    this.#deps = deps
  }

  /** The user has joined this room. Never fails: the join stands whatever becomes of its settings. */
  async joined(userId: UserId, roomId: RoomId): Promise<void> {
    try {
      const old = await this.#predecessor(roomId)
      if (old === undefined) return
      await this.#carryTags(userId, old, roomId)
      await this.#carryDirect(userId, old, roomId)
      await this.#carryRules(userId, old, roomId)
    } catch (error) {
      this.#deps.logger.warn({ roomId, error: String(error) }, 'settings of the old room could not be carried over')
    }
  }

  /** Only where the old room names this one in turn: anybody can make a room that calls itself the successor of a favourite. */
  async #predecessor(roomId: RoomId): Promise<RoomId | undefined> {
    const { reader } = this.#deps
    const create = await reader.stateEvent(roomId, 'm.room.create', '')
    const old = parseRoomId(stringIn(objectIn(create?.pdu.content, 'predecessor'), 'room_id'))
    if (old === undefined) return undefined
    const tombstone = await reader.stateEvent(old, 'm.room.tombstone', '')
    return stringIn(tombstone?.pdu.content, 'replacement_room') === roomId ? old : undefined
  }

  async #carryTags(userId: UserId, from: RoomId, to: RoomId): Promise<void> {
    const { accountData } = this.#deps
    const tags = await accountData.get(userId, from, 'm.tag')
    if (tags) await accountData.update(userId, to, 'm.tag', (there) => (there ? undefined : tags))
  }

  async #carryDirect(userId: UserId, from: RoomId, to: RoomId): Promise<void> {
    await this.#deps.accountData.update(userId, undefined, 'm.direct', (content) => {
      const entries = Object.entries(content ?? {})
      if (!entries.some(([, rooms]) => isReplaced(rooms, from, to))) return undefined
      return Object.fromEntries(
        entries.map(([other, rooms]) => [other, isReplaced(rooms, from, to) ? [...rooms, to] : rooms]),
      )
    })
  }

  async #carryRules(userId: UserId, from: RoomId, to: RoomId): Promise<void> {
    const { pushRules } = this.#deps
    const rules = await pushRules.rules(userId)
    for (const kind of KINDS) {
      const rule = rules[kind].find(({ rule_id: id }) => id === from)
      if (!rule || rules[kind].some(({ rule_id: id }) => id === to) || !rule.enabled) continue
      await pushRules.put(userId, kind, to, ruleFor(rule, from, to), {})
    }
  }
}

function isReplaced(rooms: JsonValue | undefined, from: RoomId, to: RoomId): rooms is readonly JsonValue[] {
  return Array.isArray(rooms) && rooms.includes(from) && !rooms.includes(to)
}

function ruleFor({ actions, conditions }: PushRule, from: RoomId, to: RoomId) {
  return { actions, ...(conditions && { conditions: conditions.map((one) => conditionFor(one, from, to)) }) }
}

function conditionFor(condition: JsonObject, from: RoomId, to: RoomId): JsonObject {
  return condition.key === 'room_id' && condition.pattern === from ? { ...condition, pattern: to } : condition
}
