import type { EventId, JsonObject } from '@starling/protocol'
import type { RoomEvent, RoomReader } from '../ports.ts'
import { type ClientEventForm, clientEvent, relationOf } from './client-event.ts'
import { objectIn } from './content.ts'
import type { RoomView } from './room-view.ts'

/** Children read per query and in all per event: an aggregation counts no further (the spec asks for approximate counts). */
const PAGE = 100
const MAX_CHILDREN = 1_000

/** Relationship types that servers aggregate; `m.annotation` is not one. */
const AGGREGATED: ReadonlySet<string> = new Set(['m.replace', 'm.thread', 'm.reference'])

/**
 * `m.relations` for an event (Client-Server API, "Aggregations of child events"): the newest edit, the thread's summary,
 * the references. Children that the user may not see, of ignored users, or redacted do not count. State events have none.
 */
export async function bundledRelations(
  reader: RoomReader,
  view: RoomView,
  parent: RoomEvent,
  form: ClientEventForm,
): Promise<JsonObject | undefined> {
  if (parent.pdu.stateKey !== undefined) return undefined
  const children = await childrenOf(reader, view, parent.pdu.eventId)
  const thread = ofType(children, 'm.thread')
  const bundle = {
    ...editAndReferences(parent, children, form),
    ...(thread.length > 0 && { 'm.thread': await threadSummary(reader, view, parent, thread, form) }),
  }
  return Object.keys(bundle).length === 0 ? undefined : bundle
}

function editAndReferences(parent: RoomEvent, children: readonly RoomEvent[], form: ClientEventForm): JsonObject {
  const edit = newestEdit(parent, children)
  const references = ofType(children, 'm.reference')
  return {
    ...(edit && { 'm.replace': clientEvent(edit, form) }),
    ...(references.length > 0 && {
      'm.reference': { chunk: references.map(({ pdu }) => ({ event_id: pdu.eventId })) },
    }),
  }
}

async function threadSummary(
  reader: RoomReader,
  view: RoomView,
  root: RoomEvent,
  thread: readonly RoomEvent[],
  form: ClientEventForm,
): Promise<JsonObject> {
  const latest = thread[0] as RoomEvent
  // The latest event can have no thread of its own, being in one.
  const relations = editAndReferences(latest, await childrenOf(reader, view, latest.pdu.eventId), form)
  return {
    latest_event: clientEvent(latest, form, { relations: Object.keys(relations).length > 0 ? relations : undefined }),
    count: thread.length,
    current_user_participated: [root, ...thread].some(({ pdu }) => pdu.sender === view.userId),
  }
}

/** Aggregated children of one event, newest first. */
async function childrenOf(reader: RoomReader, view: RoomView, eventId: EventId): Promise<RoomEvent[]> {
  const children: RoomEvent[] = []
  let from: number | undefined
  do {
    const slice = await reader.relations(view.roomId, eventId, {
      limit: PAGE,
      ...(from === undefined ? {} : { from }),
    })
    const counted = slice.events.filter((event) => {
      const relation = event.redactedBecause ? undefined : relationOf(event.pdu)
      return relation !== undefined && AGGREGATED.has(relation.relType) && relation.eventId === eventId
    })
    children.push(...(await view.shown(counted)))
    from = slice.next
  } while (from !== undefined && children.length < MAX_CHILDREN)
  return children
}

function ofType(children: readonly RoomEvent[], relType: string): RoomEvent[] {
  return children.filter((child) => relationOf(child.pdu)?.relType === relType)
}

/** Client-Server API, "Validity of replacement events": newest by `origin_server_ts`, then by event id. */
function newestEdit(original: RoomEvent, children: readonly RoomEvent[]): RoomEvent | undefined {
  if (original.redactedBecause || relationOf(original.pdu)?.relType === 'm.replace') return undefined
  let newest: RoomEvent | undefined
  for (const child of ofType(children, 'm.replace')) {
    if (isValidEdit(original, child) && (!newest || isNewer(child, newest))) newest = child
  }
  return newest
}

function isValidEdit(original: RoomEvent, edit: RoomEvent): boolean {
  const { pdu } = edit
  if (pdu.sender !== original.pdu.sender || pdu.type !== original.pdu.type || pdu.stateKey !== undefined) return false
  return pdu.type === 'm.room.encrypted' || objectIn(pdu.content, 'm.new_content') !== undefined
}

function isNewer(left: RoomEvent, right: RoomEvent): boolean {
  if (left.pdu.originServerTs !== right.pdu.originServerTs) {
    return left.pdu.originServerTs > right.pdu.originServerTs
  }
  return left.pdu.eventId > right.pdu.eventId
}
