import type { RoomId, UserId } from '@starling/protocol'
import { mapConcurrent } from '../rooms/map-concurrent.ts'
import { needsFacts, passesFilter } from './list-filter.ts'
import type { RoomFacts, RoomFactsCache } from './room-facts.ts'
import type { RoomLabels } from './room-labels.ts'
import type { RoomConfig } from './sent-room.ts'
import type { ListFilter, SlidingList, SlidingRequest } from './sliding-request.ts'
import type { OrderedRoom, RoomOrder } from './user-room-order.ts'

const CONCURRENCY = 16

/** A room that a request asks for. */
export interface WantedRoom {
  readonly room: OrderedRoom
  readonly config: RoomConfig
  /** Lists in whose windows it is. */
  readonly lists: readonly string[]
  readonly subscribed: boolean
}

export interface ListWindows {
  readonly wanted: ReadonlyMap<RoomId, WantedRoom>
  /** Rooms of each list, whatever its ranges. */
  readonly counts: Readonly<Record<string, { readonly count: number }>>
}

export interface WindowSources {
  readonly userId: UserId
  readonly order: RoomOrder
  readonly labels: RoomLabels
  readonly facts: RoomFactsCache
  /** Whether the room may be in lists and subscriptions at all. */
  readonly isShown: (room: OrderedRoom) => boolean
}

/** Which rooms a request is about, by its lists' filters and ranges and by its subscriptions; configs combined. */
export async function listWindows(request: SlidingRequest, sources: WindowSources): Promise<ListWindows> {
  const shown = sources.order.rooms.filter(sources.isShown)
  const wanted = new Map<RoomId, WantedRoom>()
  const counts: Record<string, { count: number }> = {}
  for (const list of request.lists) {
    const rooms = list.filter ? await filtered(list.filter, shown, sources) : shown
    counts[list.name] = { count: rooms.length }
    const asked = { config: list.config, lists: [list.name], subscribed: false }
    for (const room of windowOf(list, rooms)) want(wanted, room, asked)
  }
  for (const [roomId, config] of request.subscriptions) {
    const room = sources.order.byId.get(roomId)
    if (room && sources.isShown(room)) want(wanted, room, { config, lists: [], subscribed: true })
  }
  return { wanted, counts }
}

function want(wanted: Map<RoomId, WantedRoom>, room: OrderedRoom, asked: Omit<WantedRoom, 'room'>): void {
  const { roomId } = room.row
  const known = wanted.get(roomId)
  if (!known) {
    wanted.set(roomId, { room, config: asked.config, lists: asked.lists, subscribed: asked.subscribed })
    return
  }
  const lists = [...new Set([...known.lists, ...asked.lists])]
  const subscribed = known.subscribed || asked.subscribed
  wanted.set(roomId, { room, lists, subscribed, config: combined(known.config, asked.config) })
}

/** MSC4186, "Combining room configs": the superset. */
function combined(left: RoomConfig, right: RoomConfig): RoomConfig {
  if (left === right) return left
  return {
    timelineLimit: Math.max(left.timelineLimit, right.timelineLimit),
    requiredState: left.requiredState.with(right.requiredState),
  }
}

function* windowOf({ ranges }: SlidingList, rooms: readonly OrderedRoom[]): Generator<OrderedRoom> {
  if (!ranges) return yield* rooms
  for (const [from, to] of ranges) yield* rooms.slice(from, to + 1)
}

async function filtered(
  filter: ListFilter,
  rooms: readonly OrderedRoom[],
  sources: WindowSources,
): Promise<readonly OrderedRoom[]> {
  const facts = needsFacts(filter) ? await factsOf(rooms, sources) : undefined
  const inSpaces = await roomsInSpaces(filter.spaces ?? [], sources)
  const { labels } = sources
  return rooms.filter((room) => passesFilter(filter, { room, labels, inSpaces, facts: facts?.get(room) }))
}

async function factsOf(
  rooms: readonly OrderedRoom[],
  { userId, facts }: WindowSources,
): Promise<ReadonlyMap<OrderedRoom, RoomFacts>> {
  const found = new Map<OrderedRoom, RoomFacts>()
  const unknown: OrderedRoom[] = []
  for (const room of rooms) {
    const known = facts.known(userId, room)
    if (known) found.set(room, known)
    else unknown.push(room)
  }
  await mapConcurrent(unknown, CONCURRENCY, async (room) => found.set(room, await facts.of(userId, room)))
  return found
}

/** Spaces that the user is not in are ignored; those within spaces are not followed. */
async function roomsInSpaces(spaces: readonly string[], { order, facts }: WindowSources): Promise<ReadonlySet<string>> {
  const joined = spaces.map((id) => order.byId.get(id as RoomId)).filter((room) => room?.kind === 'joined')
  const children = await mapConcurrent(joined, CONCURRENCY, (space) => facts.childrenOf(space as OrderedRoom))
  return new Set(children.flatMap((rooms) => [...rooms]))
}
