import {
  type Crypto,
  type EventId,
  encodeBase64,
  eventTemplate,
  finishPdu,
  hashAndSignEvent,
  type JsonObject,
  type Pdu,
  parsePdu,
  type RoomId,
  type RoomVersionRules,
  referenceHash,
  roomVersionRules,
  signEvent,
  type UserId,
} from '@starling/protocol'
import { authEventsSelection } from '../naive/auth-events-selection.ts'
import { type NaiveEvent, NaiveRoom, type NaiveState, naiveAuthorise } from '../naive/index.ts'
import { testCrypto } from '../test-crypto.ts'
import { ALICE, BOB, CAROL, signerFor, WATCHER } from './people.ts'
import { plannedContent, type SaidEvent } from './planned-content.ts'
import type { PlannedEvent, RoomPlan } from './room-plan.ts'

/** A room that has grown from a plan: every event hashed and signed, parents before children. */
export interface GrownRoom {
  readonly roomVersion: string
  readonly rules: RoomVersionRules
  readonly roomId: RoomId
  readonly events: readonly Pdu[]
  /** The first so many events make the room and let the watcher in last; forks begin behind them. */
  readonly baseLength: number
  /** What the naive resolver makes of it. */
  readonly naive: NaiveRoom
  /** For events of one's own on top; `events` and `naive` grow with it. */
  readonly growing: GrowingRoom
}

const START = Date.UTC(2026, 0, 1)

/** Grows a plan. The same plan gives the same events, byte for byte. */
export function growRoom(plan: RoomPlan): GrownRoom {
  const room = new GrowingRoom(plan.roomVersion)
  room.layBase(plan)
  const baseLength = room.events.length
  for (const planned of plan.events) room.add(planned, baseLength - 1)
  const { rules, events, naive } = room
  return { roomVersion: plan.roomVersion, rules, roomId: room.roomId, events, baseLength, naive, growing: room }
}

export interface EventPlacement {
  readonly prev: readonly Pdu[]
  readonly auth: readonly string[]
  /** Milliseconds since the Unix epoch. */
  readonly ts: number
  readonly depth?: number
  readonly redacts?: EventId
}

export class GrowingRoom {
  readonly rules: RoomVersionRules
  readonly events: Pdu[] = []
  readonly naive: NaiveRoom
  readonly #crypto: Crypto = testCrypto
  #roomId: RoomId | undefined

  constructor(roomVersion: string) {
    const rules = roomVersionRules(roomVersion)
    if (!rules) throw new RangeError(`no room version ${roomVersion}`)
    this.rules = rules
    this.naive = new NaiveRoom(roomVersion)
    if (rules.roomId === 'domain') this.#roomId = '!grown:a.test' as RoomId
  }

  get roomId(): RoomId {
    if (this.#roomId === undefined) throw new RangeError('a version 12 room has an id once it has a create event')
    return this.#roomId
  }

  /** Create, join of the creator, power levels if planned, public joins of two people, and of the watcher at the end. */
  layBase({ roomVersion, hasPowerLevels, hasSecondCreator }: RoomPlan): void {
    const isTwelve = roomVersion === '12'
    const creator = this.rules.auth.creator === 'content' ? { creator: ALICE } : {}
    const additional = isTwelve && hasSecondCreator ? { additional_creators: [BOB] } : {}
    const created = { room_version: roomVersion, ...creator, ...additional }
    this.#addBase({ type: 'm.room.create', sender: ALICE, stateKey: '', content: created })
    this.#addBase(joinOf(ALICE))
    if (hasPowerLevels) {
      const users = isTwelve ? (hasSecondCreator ? {} : { [BOB]: 50 }) : { [ALICE]: 100, [BOB]: 50 }
      const content = { users, events: { 'm.room.power_levels': 50 } }
      this.#addBase({ type: 'm.room.power_levels', sender: ALICE, stateKey: '', content })
    }
    this.#addBase({ type: 'm.room.join_rules', sender: ALICE, stateKey: '', content: { join_rule: 'public' } })
    for (const user of [BOB, CAROL, WATCHER]) this.#addBase(joinOf(user))
  }

  #addBase(said: SaidEvent): void {
    const last = this.events.at(-1)
    const prev = last ? [last] : []
    const state = this.naive.stateAfter(prev.map(({ eventId }) => eventId))
    this.enter(this.make(said, { prev, auth: this.#rightAuth(said, state), ts: START + this.events.length }))
  }

  /** Adds a planned event; its parents are at or after `root`, an index into `events`. */
  add(planned: PlannedEvent, root: number): Pdu {
    const prev = this.#parents(planned, root)
    const state = this.naive.stateAfter(prev.map(({ eventId }) => eventId))
    const said = plannedContent(planned, state, this.rules.version)
    const redacted = said.redacts ? this.#pick(this.events, planned.whom + planned.level) : undefined
    const pdu = this.make(said, {
      prev,
      auth: this.#auth(said, planned, state, root),
      ts: START + 1_000 + planned.ts,
      ...(planned.depth === 'true' ? {} : { depth: planned.depth }),
      ...(redacted ? { redacts: redacted.eventId } : {}),
    })
    this.enter(pdu)
    return pdu
  }

  /** Enters an event, unless it is there already: two plans of one event are one event. */
  enter(pdu: Pdu): void {
    if (this.naive.events.has(pdu.eventId)) return
    this.#roomId ??= pdu.roomId
    this.events.push(pdu)
    this.naive.add(pdu)
  }

  /** A message on all forward extremities, by whoever may say something there; undefined where nobody may. */
  addMerge(): Pdu | undefined {
    const tips = [...this.naive.forwardExtremities()]
    const prev = this.events.filter(({ eventId }) => tips.includes(eventId))
    if (prev.length > 20) return undefined
    const state = this.naive.stateAfter(tips)
    for (const sender of [WATCHER, ALICE, BOB, CAROL]) {
      const said = { type: 'm.room.message', sender, content: { body: 'all together' } }
      const pdu = this.make(said, { prev, auth: this.#rightAuth(said, state), ts: START + 2_000 })
      const { allowed } = naiveAuthorise(pdu, state, this.rules.version, this.naive.events, this.naive.rejected)
      if (!allowed) continue
      this.enter(pdu)
      return pdu
    }
    return undefined
  }

  #parents({ parents: { mode, picks } }: PlannedEvent, root: number): readonly Pdu[] {
    const choice = this.events.slice(root)
    if (mode === 'last') return choice.slice(-1)
    if (mode === 'twice') return [...choice.slice(-1), ...choice.slice(-1)]
    if (mode === 'any') return [...new Set(picks.map((pick) => this.#pick(choice, pick)))]
    const named = new Set(choice.flatMap(({ prevEvents }) => prevEvents))
    return choice.filter(({ eventId }) => !named.has(eventId)).slice(-10)
  }

  #auth(said: SaidEvent, { auth }: PlannedEvent, state: NaiveState, root: number): readonly string[] {
    const right = this.#rightAuth(said, state)
    switch (auth.mode) {
      case 'right':
        return right
      case 'old': {
        const old = this.#pick(this.events.slice(root), auth.pick)
        return this.#rightAuth(said, this.naive.outcome(old.eventId).stateBefore)
      }
      case 'drop':
        return right.filter((_, index) => index !== auth.pick % right.length)
      case 'extra':
        return [...new Set([...right, this.#pick(this.events, auth.pick).eventId])]
      case 'twice':
        return [...right, ...right.slice(0, 1)]
      case 'rejected':
        return [...right, ...[...this.naive.rejected].slice(0, 1)]
    }
  }

  #rightAuth(said: SaidEvent, state: NaiveState): readonly string[] {
    const asEvent = { ...said, stateKey: said.stateKey } as unknown as NaiveEvent
    return [...authEventsSelection(asEvent, Number(this.rules.version))].flatMap((key) => state.get(key)?.eventId ?? [])
  }

  /** Hashes and signs: by the sender's server, and by the one that lets the user in where the event says so. */
  make(said: SaidEvent, { prev, auth, ts, depth, redacts }: EventPlacement): Pdu {
    const { rules } = this
    const deepest = Math.max(0, ...prev.map((one) => one.depth))
    const template = eventTemplate(
      {
        type: said.type,
        sender: said.sender,
        content: said.content,
        prevEvents: prev.map(({ eventId }) => eventId),
        authEvents: auth as readonly EventId[],
        depth: depth ?? Math.min(deepest + 1, Number.MAX_SAFE_INTEGER),
        originServerTs: ts,
        ...(this.#roomId === undefined ? {} : { roomId: this.#roomId }),
        ...(said.stateKey === undefined ? {} : { stateKey: said.stateKey }),
        ...(redacts === undefined ? {} : { redacts }),
        ...this.#referenceHashes(),
      },
      rules,
    )
    const via = said.content.join_authorised_via_users_server
    const parsed =
      typeof via === 'string'
        ? parsePdu(this.#signTwice(template, said.sender, via as UserId), rules, this.#crypto.sha256)
        : finishPdu(template, signerFor(said.sender), rules, this.#crypto)
    if (!parsed.ok) throw new Error(`${parsed.code}: ${parsed.reason}`)
    return parsed.pdu
  }

  #signTwice(template: JsonObject, sender: UserId, via: UserId): JsonObject {
    const once = hashAndSignEvent(template, signerFor(sender), this.rules, this.#crypto)
    return signEvent(once, signerFor(via), this.rules, this.#crypto.ed25519)
  }

  /** What versions 1 and 2 want on top: the reference hash of every event so far. */
  #referenceHashes(): { referenceHashes?: ReadonlyMap<EventId, string> } {
    if (this.rules.eventReferences !== 'pairs') return {}
    const hashOf = (pdu: Pdu): string => encodeBase64(referenceHash(pdu.json, this.rules, this.#crypto.sha256))
    return { referenceHashes: new Map(this.events.map((pdu) => [pdu.eventId, hashOf(pdu)])) }
  }

  #pick(list: readonly Pdu[], pick: number): Pdu {
    const picked = list[pick % list.length]
    if (!picked) throw new RangeError('no event to pick')
    return picked
  }
}

function joinOf(user: UserId): SaidEvent {
  return { type: 'm.room.member', sender: user, stateKey: user, content: { membership: 'join' } }
}
