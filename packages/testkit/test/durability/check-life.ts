import assert from 'node:assert/strict'
import type { ClientEvent, OwnerClient } from '@starling/testkit'
import type { Follower } from './follower.ts'
import type { Inbox } from './inbox.ts'
import type { Attempt } from './ledger.ts'
import { ACCOUNT_DATA, idOf, type LoadParts } from './load.ts'
import { faultsOf } from './room-faults.ts'

/** What is known of the node over all of its lives. */
export interface LifeRecord {
  readonly follower: Follower
  readonly inbox: Inbox
  /** Room → its timeline so far, oldest first. */
  readonly timelines: Map<string, ClientEvent[]>
  /** Rooms made by creations, checked already. */
  readonly madeRooms: Set<string>
  /** `type|state_key` of a room made by the recipe while nothing went wrong, sorted. */
  readonly wholeRoom: readonly string[]
}

/** Acknowledged requests that are asked again after each crash, besides all that were left unanswered. */
const ASKED_AGAIN = 6

/**
 * After a crash and a restart: everything that was acknowledged is there, once and in order, and everything works on.
 * `from` is the first attempt of the life that ended.
 */
export async function checkLife(
  parts: LoadParts,
  receiver: OwnerClient,
  record: LifeRecord,
  from: number,
): Promise<void> {
  await askAgain(parts, from)
  await parts.client.ok('PUT', `rooms/${encodeURIComponent(parts.rooms[0])}/send/m.room.message/alive.${from}`, {
    msgtype: 'm.text',
    body: 'still here',
    mark: `alive.${from}`,
  })
  for (const roomId of parts.rooms) await checkRoom(parts, record, roomId, from)
  await record.follower.sync(parts.client, 0)
  await checkInbox(parts, receiver, record)
  await checkAccountData(parts)
  await checkMadeRooms(parts, record)
}

/** Bad input 14, after a crash: the same transaction id again answers the same event id, or does now what was not done. */
async function askAgain({ client, ledger, random }: LoadParts, from: number): Promise<void> {
  for (const index of ledger.unanswered(from)) {
    const { method, path, body } = ledger.at(index)
    ledger.acknowledge(index, idOf(await client.ok(method, path, body)))
  }
  const known = ledger.acknowledged(({ idempotent }) => idempotent)
  for (let n = 0; n < ASKED_AGAIN; n++) {
    const attempt = n % 2 === 0 ? random.pick(known) : known.at(-1 - n)
    if (!attempt) continue
    const again = idOf(await client.ok(attempt.method, attempt.path, attempt.body))
    assert.equal(again, attempt.eventId, `bad input 14: ${attempt.path} again, after a crash`)
  }
}

async function checkRoom(
  { client, ledger }: LoadParts,
  record: LifeRecord,
  roomId: string,
  from: number,
): Promise<void> {
  const timeline = record.timelines.get(roomId) ?? []
  timeline.push(...(await client.eventsAfter(roomId, timeline.at(-1)?.event_id)))
  record.timelines.set(roomId, timeline)
  const lately = ledger.since(from).filter((attempt) => attempt.roomId === roomId)
  const recent = new Set(lately.map(({ eventId }) => eventId))
  const begin = timeline.findIndex((event) => recent.has(event.event_id))
  assert.deepEqual(faultsOf(timeline.slice(Math.max(0, begin)), lately), [], roomId)
  await checkTopic(client, roomId, timeline)
}

/** The state is that of the timeline: the batch of a state event is whole or not there. */
async function checkTopic(client: OwnerClient, roomId: string, timeline: readonly ClientEvent[]): Promise<void> {
  const last = timeline.findLast(({ type, state_key: key }) => type === 'm.room.topic' && key === '')
  const { status, body } = await client.call('GET', `rooms/${encodeURIComponent(roomId)}/state/m.room.topic`)
  assert.deepEqual(status === 200 ? body : undefined, last?.content, `the topic of ${roomId}`)
}

async function checkInbox({ ledger }: LoadParts, receiver: OwnerClient, { inbox }: LifeRecord): Promise<void> {
  await inbox.empty(receiver)
  const marks = new Set(inbox.marks)
  assert.equal(marks.size, inbox.marks.length, 'no to-device message comes twice')
  for (const { path } of ledger.acknowledged(({ writer }) => writer === 'to-device')) {
    assert.ok(marks.has(path.slice(path.lastIndexOf('/') + 1)), `lost: the to-device message ${path}`)
  }
}

async function checkAccountData({ client, ledger, receiver }: LoadParts): Promise<void> {
  const written = ({ writer }: Attempt) => writer === 'account-data'
  const acknowledged = ledger.acknowledged(written).at(-1)
  if (!acknowledged) return
  const path = `user/${encodeURIComponent(receiver.userId)}/account_data/${ACCOUNT_DATA}`
  const there = Number((await client.ok('GET', path)).n)
  const asked = Number(ledger.since(0).findLast(written)?.body.n)
  const known = Number(acknowledged.body.n)
  assert.ok(there >= known && there <= asked, `account data ${there}, acknowledged ${known}, asked for ${asked}`)
}

/** Every room that is there is whole, every room that was acknowledged is there. */
async function checkMadeRooms({ client, ledger }: LoadParts, record: LifeRecord): Promise<void> {
  const joined = new Set((await client.ok('GET', 'joined_rooms')).joined_rooms as string[])
  for (const { eventId } of ledger.acknowledged(({ writer }) => writer === 'create')) {
    assert.ok(eventId !== undefined && joined.has(eventId), `lost: the room ${eventId}`)
  }
  for (const roomId of joined) {
    if (record.madeRooms.has(roomId) || record.timelines.has(roomId)) continue
    assert.deepEqual(slotsOf(await client.stateOf(roomId)), record.wholeRoom, `${roomId} is whole`)
    const path = `rooms/${encodeURIComponent(roomId)}/send/m.room.message/first`
    await client.ok('PUT', path, { msgtype: 'm.text', body: 'it works' })
    record.madeRooms.add(roomId)
  }
}

export function slotsOf(state: readonly ClientEvent[]): string[] {
  return state.map(({ type, state_key: key }) => `${type}|${key}`).sort()
}

/** At the end, over the whole of all lives: once more from the beginning, and the other ways to see it agree. */
export async function checkAllLives({ client, ledger, rooms }: LoadParts, record: LifeRecord): Promise<void> {
  for (const roomId of rooms) {
    const whole = await client.wholeRoom(roomId)
    const ids = whole.map((event) => event.event_id)
    const grown = (record.timelines.get(roomId) ?? []).map((event) => event.event_id)
    assert.deepEqual(ids, grown, `${roomId} read from its beginning is what it was when it grew`)
    assert.deepEqual(
      faultsOf(
        whole,
        ledger.since(0).filter((attempt) => attempt.roomId === roomId),
      ),
      [],
    )
    assert.deepEqual(record.follower.seenIn(roomId), ids, `what the syncs told of ${roomId}, over every crash`)
    assertRedacted(whole, ledger)
  }
}

function assertRedacted(whole: readonly ClientEvent[], ledger: LoadParts['ledger']): void {
  const byId = new Map(whole.map((event) => [event.event_id, event]))
  for (const { path } of ledger.acknowledged(({ writer }) => writer === 'redaction')) {
    const target = byId.get(decodeURIComponent(path.split('/').at(-2) ?? ''))
    if (target) assert.deepEqual(target.content, {}, `${target.event_id} was taken back`)
  }
}
