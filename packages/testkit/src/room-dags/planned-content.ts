import type { JsonObject, UserId } from '@starling/protocol'
import { type NaiveState, tuple } from '../naive/index.ts'
import { ALICE, PEOPLE, personAt } from './people.ts'
import { type EventKind, LEVELS, type PlannedEvent } from './room-plan.ts'

/** What an event says, before it has parents, auth events and a signature. */
export interface SaidEvent {
  readonly type: string
  readonly sender: UserId
  readonly stateKey?: string
  readonly content: JsonObject
  /** The event that it redacts is to be picked among the earlier ones. */
  readonly redacts?: boolean
}

/** The content of a planned event, given the state before it. */
export function plannedContent(planned: PlannedEvent, state: NaiveState, roomVersion: string): SaidEvent {
  return KINDS[planned.kind]({
    sender: personAt(planned.who),
    target: personAt(planned.whom),
    level: LEVELS[planned.level % LEVELS.length] ?? 0,
    pick: planned.auth.pick,
    state,
    roomVersion,
  })
}

interface Occasion {
  readonly sender: UserId
  readonly target: UserId
  readonly level: number
  readonly pick: number
  readonly state: NaiveState
  readonly roomVersion: string
}

const JOIN_RULES = ['public', 'invite', 'knock', 'restricted', 'knock_restricted', 'private', 'public']
const NAMED_LEVELS = ['ban', 'kick', 'redact', 'invite', 'state_default', 'events_default', 'users_default']
const EVENT_TYPES = ['m.room.topic', 'm.room.power_levels', 'm.room.join_rules', 'm.room.message', 'm.room.redaction']

const KINDS: Readonly<Record<EventKind, (occasion: Occasion) => SaidEvent>> = {
  message: ({ sender, pick }) => ({ type: 'm.room.message', sender, content: { body: `${pick}` } }),
  topic: ({ sender, pick }) => ({ type: 'm.room.topic', sender, stateKey: '', content: { topic: `${pick}` } }),
  name: ({ sender, pick }) => ({ type: 'm.room.name', sender, stateKey: '', content: { name: `${pick}` } }),
  join: ({ sender, pick }) => member(sender, sender, { membership: 'join', displayname: `${pick}` }),
  leave: ({ sender }) => member(sender, sender, { membership: 'leave' }),
  kick: ({ sender, target }) => member(sender, target, { membership: 'leave', reason: 'kick' }),
  ban: ({ sender, target }) => member(sender, target, { membership: 'ban' }),
  unban: ({ sender, target }) => member(sender, target, { membership: 'leave' }),
  invite: ({ sender, target }) => member(sender, target, { membership: 'invite' }),
  knock: ({ sender }) => member(sender, sender, { membership: 'knock' }),
  'join-rules': ({ sender, pick }) => ({
    type: 'm.room.join_rules',
    sender,
    stateKey: '',
    content: { join_rule: pickOf(JOIN_RULES, pick) },
  }),
  'levels-user': ({ sender, target, level, ...occasion }) => levels(sender, occasion, { users: { [target]: level } }),
  'levels-named': ({ sender, level, ...occasion }) =>
    levels(sender, occasion, { [pickOf(NAMED_LEVELS, occasion.pick)]: level }),
  'levels-event': ({ sender, level, ...occasion }) =>
    levels(sender, occasion, {
      [occasion.pick % 5 === 0 ? 'notifications' : 'events']: { [pickOf(EVENT_TYPES, occasion.pick)]: level },
    }),
  'levels-remove': ({ sender, target, ...occasion }) => levels(sender, occasion, { users: { [target]: undefined } }),
  'levels-odd': ({ sender, target, ...occasion }) =>
    levels(sender, occasion, pickOf(ODD_LEVELS, occasion.pick)(target)),
  redaction: ({ sender }) => ({ type: 'm.room.redaction', sender, content: {}, redacts: true }),
  aliases: ({ sender, pick }) => ({
    type: 'm.room.aliases',
    sender,
    stateKey: pickOf(['a.test', 'b.test', 'c.test', ''], pick),
    content: {},
  }),
  'restricted-join': ({ sender, target }) =>
    member(sender, sender, { membership: 'join', join_authorised_via_users_server: target }),
  'third-party-invite': ({ sender, pick }) => ({
    type: 'm.room.third_party_invite',
    sender,
    stateKey: `${pick % 2}`,
    content: { public_key: 'AAAA' },
  }),
  'user-state': ({ sender, target }) => ({ type: 'org.example.own', sender, stateKey: target, content: {} }),
  'odd-member': ({ sender, target, pick }) => member(sender, target, pickOf(ODD_MEMBERS, pick)),
  'forged-sender': ({ sender, target }) => member(sender, target, { membership: 'join' }),
}

/** Power levels that some or all versions refuse; strings and creators are fine in some. */
const ODD_LEVELS: readonly ((target: UserId) => JsonObject)[] = [
  (target) => ({ users: { [target]: '50' } }),
  () => ({ ban: '50' }),
  () => ({ events: { 'm.room.topic': ' +007 ' } }),
  () => ({ users: { bob: 5 } }),
  (target) => ({ users: { [target]: 'many' } }),
  () => ({ users: { [ALICE]: 100 } }),
]

const ODD_MEMBERS: readonly JsonObject[] = [
  {},
  { membership: 'maybe' },
  { membership: 'invite', third_party_invite: { signed: { mxid: PEOPLE[1], token: '0' } } },
  { membership: 'invite', third_party_invite: {} },
]

function member(sender: UserId, target: UserId, content: JsonObject): SaidEvent {
  return { type: 'm.room.member', sender, stateKey: target, content }
}

/** The power levels of the state with a change laid over them: objects key by key, `undefined` takes a key away. */
function levels(sender: UserId, { state }: Pick<Occasion, 'state'>, change: JsonObject): SaidEvent {
  const current = state.get(tuple('m.room.power_levels', ''))?.content ?? {}
  return { type: 'm.room.power_levels', sender, stateKey: '', content: laidOver(current, change) }
}

function laidOver(base: JsonObject, change: JsonObject): JsonObject {
  const merged: Record<string, JsonObject[string]> = { ...base }
  for (const [key, value] of Object.entries(change)) {
    if (value === undefined) delete merged[key]
    else merged[key] = isPlainObject(value) ? laidOver(asObject(merged[key]), value) : value
  }
  return merged
}

function asObject(value: JsonObject[string]): JsonObject {
  return isPlainObject(value) ? value : {}
}

function isPlainObject(value: JsonObject[string]): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function pickOf<T>(list: readonly T[], pick: number): T {
  const item = list[pick % list.length]
  if (item === undefined) throw new RangeError('nothing to pick from')
  return item
}
