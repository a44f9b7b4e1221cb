import { type JsonObject, type JsonValue, type StateSlot, stateSlot } from '@starling/protocol'
import { stringIn } from '../rooms/content.ts'
import { roomHeroes } from '../sync/room-summary.ts'
import type { StateAnswer } from './required-state-section.ts'
import type { UpdatedRoom } from './room-update.ts'
import type { SlidingContext } from './sliding-context.ts'

const NAME = stateSlot('m.room.name', '')
const AVATAR = stateSlot('m.room.avatar', '')
/** What the slots of all members begin with. */
const MEMBERS = stateSlot('m.room.member', '')

export interface Tellings {
  readonly json: JsonObject
  /** What the client then knows: key → JSON. */
  readonly told: Readonly<Record<string, string>>
}

/**
 * The keys of a room result that say what the room is like now: each is there at first, and later only when it changed
 * (MSC4186, "RoomResult"). What needs no reading is always compared, the rest only if the state that it hangs on changed.
 */
export async function tellings(context: SlidingContext, room: UpdatedRoom, state: StateAnswer): Promise<Tellings> {
  const { wanted, before, occasion } = room
  const values: Record<string, JsonValue | undefined> = {
    membership: wanted.room.row.membership,
    lists: [...wanted.lists],
    is_dm: context.labels.direct.has(wanted.room.row.roomId),
    bump_stamp: await bumpStamp(context, room),
    ...(await fromState(context, room, state.changed)),
    ...(room.view.access.kind === 'joined' && (await unreadCounts(context, room))),
  }
  return changesOf(values, occasion.whole ? undefined : before?.told)
}

/** What differs from what was told; the keys that a client takes as false or unset when absent are left out at first. */
export function changesOf(
  values: Readonly<Record<string, JsonValue | undefined>>,
  before: Readonly<Record<string, string>> | undefined,
): Tellings {
  const json: Record<string, JsonValue> = {}
  const told: Record<string, string> = { ...before }
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue
    const text = JSON.stringify(value)
    if (told[key] === text) continue
    told[key] = text
    if (before || (value !== null && value !== false)) json[key] = value
  }
  return { json, told }
}

async function bumpStamp(
  context: SlidingContext,
  { wanted, view, end, occasion }: UpdatedRoom,
): Promise<number | undefined> {
  const { row } = wanted.room
  if (view.access.kind === 'departed') return row.position
  if (!occasion.whole && !occasion.changed) return undefined
  return context.memory.bumps.of(row.roomId, end, row.position)
}

/** Name, avatar, heroes and member counts; after the first time only those whose state changed. */
async function fromState(
  context: SlidingContext,
  room: UpdatedRoom,
  changed: ReadonlySet<StateSlot> | undefined,
): Promise<Record<string, JsonValue | undefined>> {
  const hasChanged = (slot: StateSlot) => changed === undefined || changed.has(slot)
  const members = changed === undefined || [...changed].some((slot) => slot.startsWith(MEMBERS))
  const name = hasChanged(NAME) || members ? await stringAt(context, room, NAME, 'name') : undefined
  return {
    ...(hasChanged(NAME) && { name: name ?? null }),
    ...(hasChanged(AVATAR) && { avatar: (await stringAt(context, room, AVATAR, 'url')) ?? null }),
    ...((hasChanged(NAME) || members) && name === undefined && { heroes: await heroes(context, room) }),
    // How many are in a room now is no business of those who have left it.
    ...(members && room.view.access.kind === 'joined' && (await memberCounts(context, room))),
  }
}

async function stringAt(
  context: SlidingContext,
  { stateAtEnd, view }: UpdatedRoom,
  slot: StateSlot,
  key: string,
): Promise<string | undefined> {
  const eventId = (await stateAtEnd()).get(slot)
  const event = eventId && (await context.sources.reader.event(view.roomId, eventId))
  return (event && stringIn(event.pdu.content, key)) || undefined
}

async function heroes(context: SlidingContext, { stateAtEnd, view }: UpdatedRoom): Promise<JsonObject[]> {
  const members = await roomHeroes(context.sources.reader, view.roomId, view.userId, await stateAtEnd())
  return members.map(({ pdu }) => {
    const displayname = stringIn(pdu.content, 'displayname')
    const avatarUrl = stringIn(pdu.content, 'avatar_url')
    return {
      user_id: pdu.stateKey ?? '',
      ...(displayname !== undefined && { displayname }),
      ...(avatarUrl !== undefined && { avatar_url: avatarUrl }),
    }
  })
}

async function memberCounts(context: SlidingContext, { view }: UpdatedRoom): Promise<Record<string, number>> {
  const { joined, invited } = await context.sources.reader.memberCounts(view.roomId)
  return { joined_count: joined, invited_count: invited }
}

/** Of the main timeline: threads are counted by themselves. */
async function unreadCounts(context: SlidingContext, { view }: UpdatedRoom): Promise<JsonObject> {
  const counts = await context.memory.unread.of(view, context.to, true)
  return counts.unread_notifications as JsonObject
}
