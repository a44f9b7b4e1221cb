import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type EventId,
  type JsonObject,
  type Pdu,
  resolveState,
  roomVersionRules,
  type StateMap,
  stateSlot,
} from '@starling/protocol'
import { authEventsSelection } from '../../src/naive/auth-events-selection.ts'
import { NaiveRoom, type NaiveState, naiveResolve, stateOf } from '../../src/naive/index.ts'
import { testCrypto } from '../../src/test-crypto.ts'
import { loadVectors, type NamedCase } from './load-vectors.ts'
import { vectorId, vectorPdu, withoutCreatorLevel } from './vector-events.ts'

type Algorithm = 'v1' | 'v2' | 'v2.1'

interface ResolutionCase extends NamedCase {
  readonly events: readonly ResolutionEvent[]
  readonly at?: readonly string[]
  readonly states?: readonly (readonly string[])[]
  /** `type|state_key` → label of the event that holds it. */
  readonly expected: Partial<Record<Algorithm, Readonly<Record<string, string | null>>>>
  /** Where the case does not apply to all versions of an algorithm. */
  readonly versions?: readonly string[]
  /** Laid over the content of the room's first power levels. */
  readonly base_levels?: JsonObject
}

interface ResolutionEvent {
  readonly id: string
  readonly sender: string
  readonly type: string
  readonly key?: string
  readonly content: JsonObject
  readonly prev: readonly string[]
  readonly ts?: number
  readonly depth?: number
}

const VERSIONS: Readonly<Record<Algorithm, readonly string[]>> = {
  v1: ['1'],
  v2: ['2', '3', '4', '5', '6', '7', '8', '9', '10', '11'],
  'v2.1': ['12'],
}
const CREATOR = '@alice:a.test'
const file = loadVectors<ResolutionCase, { readonly base: readonly ResolutionEvent[] }>('state-resolution.json')

/** The room of a case in one version. Auth events come from the naive state before each event. */
function roomOf(one: ResolutionCase, roomVersion: string): NaiveRoom {
  const room = new NaiveRoom(roomVersion)
  const all = [...file.base, ...one.events]
  for (const [index, event] of all.entries()) {
    const prevEvents = event.prev.map((label) => vectorId(label, roomVersion))
    const isCreate = event.type === 'm.room.create'
    const said = {
      eventId: vectorId(event.id, roomVersion),
      roomId: roomVersion === '12' ? `!${vectorId('CREATE', '12').slice(1)}` : '!room:a.test',
      type: event.type,
      sender: event.sender,
      stateKey: event.key,
      content: contentIn(event, one, roomVersion),
      prevEvents,
      depth: event.depth ?? 1 + Math.max(0, ...prevEvents.map((id) => room.events.get(id)?.depth ?? 0)),
      ts: event.ts ?? index + 1,
      signedBy: ['a.test', 'b.test', 'c.test', 'd.test', 'e.test'],
      namesRoom: !(roomVersion === '12' && isCreate),
    }
    const before = room.stateAfter(prevEvents)
    const subject = vectorPdu({ ...said, authEvents: [] })
    const tuples = [...authEventsSelection(subject, Number(roomVersion))]
    room.add(vectorPdu({ ...said, authEvents: tuples.flatMap((key) => before.get(key)?.eventId ?? []) }))
  }
  return room
}

function contentIn(event: ResolutionEvent, one: ResolutionCase, roomVersion: string): JsonObject {
  if (event.type === 'm.room.create') {
    return { room_version: roomVersion, ...(Number(roomVersion) <= 10 ? { creator: event.sender } : {}) }
  }
  if (event.type !== 'm.room.power_levels') return event.content
  const content = event.id === 'IPOWER' ? { ...event.content, ...one.base_levels } : event.content
  return withoutCreatorLevel(content, CREATOR, roomVersion)
}

function productResolves(states: readonly NaiveState[], room: NaiveRoom): StateMap {
  const rules = roomVersionRules(room.roomVersion) ?? assert.fail(`no room version ${room.roomVersion}`)
  const sets = states.map(
    (state) => new Map([...state.values()].map((e) => [stateSlot(e.type, e.stateKey ?? ''), e.eventId as EventId])),
  )
  const source = { event: (id: EventId) => room.events.get(id) as Pdu | undefined }
  return resolveState(sets, source, rules, { ...testCrypto, isRejected: (id: EventId) => room.rejected.has(id) })
}

for (const one of file.cases) {
  test(`state resolution: ${one.name}`, () => {
    for (const [algorithm, expected] of Object.entries(one.expected)) {
      const versions = VERSIONS[algorithm as Algorithm].filter((version) => one.versions?.includes(version) ?? true)
      assert.ok(versions.length > 0 || one.versions, `no version for ${algorithm}`)
      for (const roomVersion of versions) check(one, expected, roomVersion)
    }
  })
}

function check(one: ResolutionCase, expected: Readonly<Record<string, string | null>>, roomVersion: string): void {
  const room = roomOf(one, roomVersion)
  const told = one.states?.map((labels) =>
    stateOf(labels.map((label) => room.events.get(vectorId(label, roomVersion)) ?? assert.fail(`no event ${label}`))),
  )
  const at = one.at?.map((label) => room.outcome(vectorId(label, roomVersion)).stateAfter)
  const states = told ?? at ?? assert.fail('neither states nor extremities')
  const naive = naiveResolve(states, room.events, roomVersion, room.rejected)
  const product = productResolves(states, room)
  for (const [slot, label] of Object.entries(expected)) {
    const [type = '', stateKey = ''] = slot.split('|')
    const id = label === null ? undefined : vectorId(label, roomVersion)
    const holder = naive.get(JSON.stringify([type, stateKey]))?.eventId
    assert.equal(holder, id, `the naive resolver, version ${roomVersion}, ${slot}`)
    assert.equal(product.get(stateSlot(type, stateKey)), id, `the product, version ${roomVersion}, ${slot}`)
  }
  // What the case does not name is the same in both as well.
  const ofNaive = [...naive.values()].map(({ eventId }) => eventId).sort()
  assert.deepEqual([...product.values()].sort(), ofNaive, `version ${roomVersion}`)
}
