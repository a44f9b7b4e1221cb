import { isJsonObject, type JsonObject, ownValue, type RoomId, type UserId } from '@starling/protocol'
import type { RoomEvent, RoomMembership, RoomReader } from '../ports.ts'
import { currentPower } from '../rooms/power.ts'
import type { PushEvaluation, PushVerdict } from '../sync/ports.ts'
import { evaluatePushRules, type PushOutcome, type RuleContext } from './evaluate-push-rules.ts'
import type { PushRules } from './push-rules.ts'

const SILENCE: PushVerdict = { notify: false, highlight: false }

/** `notifications` of the power levels: what is not there takes this. */
const DEFAULT_NOTIFICATION_LEVEL = 50

/** Push rules applied to events of a room, for unread counts. */
export class RoomPushEvaluation implements PushEvaluation {
  readonly #pushRules: PushRules
  readonly #reader: RoomReader

  constructor(pushRules: PushRules, reader: RoomReader) {
    this.#pushRules = pushRules
    this.#reader = reader
  }

  async evaluate(userId: UserId, roomId: RoomId, events: readonly RoomEvent[]): Promise<readonly PushVerdict[]> {
    const outcomes = await this.outcomes(userId, roomId, events)
    return outcomes.map((outcome) =>
      outcome ? { notify: true, highlight: outcome.tweaks.highlight === true } : SILENCE,
    )
  }

  /** Per event what it notifies with; undefined for those that do not notify, the user's own and redacted ones among them. */
  async outcomes(
    userId: UserId,
    roomId: RoomId,
    events: readonly RoomEvent[],
  ): Promise<readonly (PushOutcome | undefined)[]> {
    if (events.every(({ pdu }) => pdu.sender === userId)) return events.map(() => undefined)
    const rules = await this.#pushRules.rules(userId)
    const context = await this.#context(userId, roomId)
    return events.map((event) => {
      if (event.pdu.sender === userId || event.redactedBecause) return undefined
      const outcome = evaluatePushRules(asRulesSee(event), rules, context)
      return outcome?.notify ? outcome : undefined
    })
  }

  /** What an invite notifies with: the room itself is mostly not known here yet, so nobody has any power in it. */
  async inviteOutcome(userId: UserId, { roomId, sender, eventId }: RoomMembership): Promise<PushOutcome | undefined> {
    if (sender === userId) return undefined
    const content = { membership: 'invite' }
    const event = { type: 'm.room.member', state_key: userId, sender, room_id: roomId, event_id: eventId, content }
    const context = { displayName: undefined, memberCount: 0, powerOf: () => 0, notificationLevel: () => 50 }
    const outcome = evaluatePushRules(event, await this.#pushRules.rules(userId), context)
    return outcome?.notify ? outcome : undefined
  }

  rulesVersion(userId: UserId): Promise<number> {
    return this.#pushRules.version(userId)
  }

  async #context(userId: UserId, roomId: RoomId): Promise<RuleContext> {
    const [member, counts, power, powerLevels] = await Promise.all([
      this.#reader.stateEvent(roomId, 'm.room.member', userId),
      this.#reader.memberCounts(roomId),
      currentPower(this.#reader, roomId),
      this.#reader.stateEvent(roomId, 'm.room.power_levels', ''),
    ])
    const displayName = member?.pdu.content.displayname
    return {
      displayName: typeof displayName === 'string' ? displayName : undefined,
      memberCount: counts.joined,
      powerOf: (user) => power?.levels.user(user) ?? 0,
      notificationLevel: (key) => notificationLevel(powerLevels?.pdu.content, key),
    }
  }
}

/** The event in client format, without what the server adds. */
function asRulesSee({ pdu }: RoomEvent): JsonObject {
  return {
    type: pdu.type,
    sender: pdu.sender,
    room_id: pdu.roomId,
    event_id: pdu.eventId,
    origin_server_ts: pdu.originServerTs,
    content: pdu.content,
    ...(pdu.stateKey !== undefined && { state_key: pdu.stateKey }),
  }
}

function notificationLevel(content: JsonObject | undefined, key: string): number {
  const levels = content && ownValue(content, 'notifications')
  const level = isJsonObject(levels) ? ownValue(levels, key) : undefined
  return typeof level === 'number' ? level : DEFAULT_NOTIFICATION_LEVEL
}
