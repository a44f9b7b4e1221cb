import type { JsonObject, Pdu } from '@starling/protocol'
import { authEventsSelection } from '../../src/naive/auth-events-selection.ts'
import { stateOf } from '../../src/naive/index.ts'
import type { NamedCase } from './load-vectors.ts'
import { vectorId, vectorPdu, withoutCreatorLevel } from './vector-events.ts'

export interface AuthCase extends NamedCase {
  readonly allowed: boolean
  /** Range of room versions → number of the rule that decides. */
  readonly rules: Readonly<Record<string, string>>
  /** Null: there is no room yet. */
  readonly room: AuthRoom | null
  readonly event: AuthEvent
  /** Events that are known, but not in the state. */
  readonly other?: readonly (AuthEvent & { readonly label: string })[]
  /** Labels that are added to the auth events, or taken away. */
  readonly auth_more?: readonly string[]
  readonly auth_less?: readonly string[]
  /** Labels of events that were rejected. */
  readonly rejected?: readonly string[]
  /** The creator's level stays in the event in version 12 too. */
  readonly keep_creators?: boolean
}

interface AuthRoom {
  readonly create?: JsonObject
  readonly members: Readonly<Record<string, string>>
  readonly join_rule: string | null
  readonly power_levels: JsonObject | null
  readonly third_party_invites?: readonly {
    readonly sender: string
    readonly token: string
    readonly content: JsonObject
  }[]
}

interface AuthEvent {
  readonly type: string
  readonly sender: string
  readonly state_key?: string
  readonly content: JsonObject
  readonly prev?: readonly string[]
  readonly auth?: readonly string[]
  readonly room_id?: string
  readonly redacts?: string
  readonly signed_by?: readonly string[]
}

export interface AuthVector {
  readonly event: Pdu
  readonly state: readonly Pdu[]
  readonly events: ReadonlyMap<string, Pdu>
  readonly rejected: ReadonlySet<string>
}

const CREATOR = '@alice:a.test'

/** The case in one room version: its room as PDUs, the event with its auth events selected from that room. */
export function authVector(one: AuthCase, roomVersion: string): AuthVector {
  const labelled = new LabelledEvents(roomVersion)
  const state = one.room ? roomState(one.room, labelled, roomVersion) : []
  labelled.add('last', { type: 'm.room.message', sender: CREATOR, content: {}, prev: [], auth: [] })
  for (const { label, ...event } of one.other ?? []) labelled.add(label, { prev: [], auth: [], ...event })

  const event = versioned(one.keep_creators ? one.event : leveled(one.event, roomVersion), roomVersion)
  const draft = labelled.make('event', { prev: ['last'], ...event, auth: [] })
  const selected = [...authEventsSelection(draft, Number(roomVersion))].flatMap((key) => stateOf(state).get(key) ?? [])
  const less = new Set(one.auth_less?.map((label) => labelled.idOf(label)))
  const auth = selected.map(({ eventId }) => eventId).filter((id) => !less.has(id))
  const made = labelled.make('event', {
    prev: ['last'],
    ...event,
    auth: event.auth ?? [...auth, ...(one.auth_more ?? []).map((label) => labelled.idOf(label))],
  })
  const rejected = new Set(one.rejected?.map((label) => labelled.idOf(label)))
  return { event: made, state, events: labelled.events, rejected }
}

function leveled(event: AuthEvent, roomVersion: string): AuthEvent {
  return event.type === 'm.room.power_levels'
    ? { ...event, content: withoutCreatorLevel(event.content, CREATOR, roomVersion) }
    : event
}

/** A create event names the version that it is tried in, unless the case says otherwise; null stands for none at all. */
function versioned(event: AuthEvent, roomVersion: string): AuthEvent {
  if (event.type !== 'm.room.create') return event
  const { room_version: given = roomVersion, ...content } = event.content
  return { ...event, content: given === null ? content : { ...content, room_version: given } }
}

function roomState(room: AuthRoom, labelled: LabelledEvents, roomVersion: string): readonly Pdu[] {
  const state: Pdu[] = []
  const add = (label: string, type: string, stateKey: string, content: JsonObject, sender = CREATOR): void => {
    state.push(labelled.add(label, { type, sender, state_key: stateKey, content, prev: [], auth: [] }))
  }
  const creator = Number(roomVersion) <= 10 ? { creator: CREATOR } : {}
  add('create', 'm.room.create', '', { room_version: roomVersion, ...creator, ...room.create })
  for (const [user, membership] of Object.entries(room.members)) {
    add(`member ${user}`, 'm.room.member', user, { membership }, user)
  }
  if (room.join_rule !== null) add('join_rules', 'm.room.join_rules', '', { join_rule: room.join_rule })
  if (room.power_levels !== null) {
    add('power_levels', 'm.room.power_levels', '', withoutCreatorLevel(room.power_levels, CREATOR, roomVersion))
  }
  for (const { sender, token, content } of room.third_party_invites ?? []) {
    add(`third_party_invite ${token}`, 'm.room.third_party_invite', token, content, sender)
  }
  return state
}

class LabelledEvents {
  readonly events = new Map<string, Pdu>()
  readonly #byLabel = new Map<string, Pdu>()
  readonly #roomVersion: string

  constructor(roomVersion: string) {
    this.#roomVersion = roomVersion
  }

  /** The id of a labelled event; what is no label is an id already. */
  idOf(label: string): string {
    return this.#byLabel.get(label)?.eventId ?? label
  }

  add(label: string, event: AuthEvent): Pdu {
    const pdu = this.make(label, event)
    this.#byLabel.set(label, pdu)
    this.events.set(pdu.eventId, pdu)
    return pdu
  }

  make(label: string, event: AuthEvent): Pdu {
    const domain = event.sender.slice(event.sender.indexOf(':') + 1)
    const eventId = vectorId(label, this.#roomVersion, domain)
    const isTwelve = this.#roomVersion === '12'
    const roomOfTwelve = `!${vectorId('create', '12').slice(1)}`
    const isCreate = event.type === 'm.room.create'
    return vectorPdu({
      eventId,
      roomId: event.room_id ?? (isTwelve ? roomOfTwelve : '!room:a.test'),
      type: event.type,
      sender: event.sender,
      stateKey: event.state_key,
      content: event.content,
      prevEvents: (event.prev ?? []).map((one) => this.idOf(one)),
      authEvents: (event.auth ?? []).map((one) => this.idOf(one)),
      depth: 1,
      ts: 1,
      redacts: event.redacts,
      signedBy: event.signed_by ?? [domain],
      namesRoom: !(isTwelve && isCreate) || event.room_id !== undefined,
    })
  }
}
