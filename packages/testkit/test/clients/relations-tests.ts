import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { SdkInProcess } from '@starling/testkit'
import {
  Direction,
  EventType,
  type MatrixEvent,
  MsgType,
  NotificationCountType,
  RelationType,
  type Room,
  type Thread,
} from 'matrix-js-sdk'
import { PollEndEvent } from 'matrix-js-sdk/lib/extensible_events_v1/PollEndEvent.js'
import { PollResponseEvent } from 'matrix-js-sdk/lib/extensible_events_v1/PollResponseEvent.js'
import { PollStartEvent } from 'matrix-js-sdk/lib/extensible_events_v1/PollStartEvent.js'
import type { SdkWorld } from './sdk-world.ts'

/** What belongs to another event: threads, reactions, edits, polls. */
export function relationsTests(world: SdkWorld): void {
  let ada: SdkInProcess
  let bob: SdkInProcess
  let roomId: string

  before(async () => {
    ada = await world.newcomer()
    bob = await world.newcomer()
    roomId = await world.room(ada, [bob])
  })

  test('a thread: its replies, its place in the list of threads, unread counts and receipts of its own', async () => {
    const rootId = await ada.sendText(roomId, 'where it begins')
    await bob.untilEvent(roomId, rootId)
    const first = await inThread(bob, rootId, 'first reply')
    const second = await inThread(bob, rootId, 'second reply')
    const beside = await bob.sendText(roomId, 'beside the thread')

    const thread = await ada.until('the thread has both replies', () => {
      const found = ada.room(roomId).getThread(rootId)
      return found?.length === 2 && found.initialEventsFetched && found
    })
    assert.deepEqual(repliesOf(thread), [first, second])
    const root = await ada.client.fetchRoomEvent(roomId, rootId)
    assert.equal(root.unsigned?.['m.relations']?.['m.thread']?.count, 2)
    await ada.until('the counts say what is unread where', () => unread(ada.room(roomId), rootId).join() === '1,2')

    const last = thread.findEventById(second)
    await ada.client.sendReadReceipt(last ?? null)
    await ada.until('the thread is read', () => unread(ada.room(roomId), rootId).join() === '1,0')
    const opened = bob.room(roomId).createThread(rootId, bob.room(roomId).findEventById(rootId), [], true)
    await bob.until('bob sees how far ada has read in the thread', () => {
      return opened.getReadReceiptForUserId(ada.userId)?.eventId === second
    })
    await ada.client.sendReadReceipt(await ada.untilEvent(roomId, beside))
    await ada.until('all is read', () => unread(ada.room(roomId), rootId).join() === '0,0')
  })

  test('the list of threads, as a client that starts later asks for it: all of them, or one’s own', async () => {
    const quietId = await ada.sendText(roomId, 'a thread without bob')
    await ada.untilEvent(roomId, quietId)
    await inThread(ada, quietId, 'only ada speaks here')
    const sharedId = await ada.sendText(roomId, 'a thread with bob')
    await bob.untilEvent(roomId, sharedId)
    await inThread(bob, sharedId, 'bob speaks here')

    const tablet = await world.newDevice(bob, { start: { initialSyncLimit: 1 } })
    const room = tablet.room(roomId)
    const [all, own] = (await room.createThreadsTimelineSets()) ?? []
    await room.fetchRoomThreads()
    const ids = (events: readonly MatrixEvent[] = []) => events.map((event) => event.getId())
    assert.deepEqual(ids(all?.getLiveTimeline().getEvents()).slice(-2), [quietId, sharedId])
    assert.deepEqual(ids(own?.getLiveTimeline().getEvents()).includes(quietId), false)
    assert.deepEqual(ids(own?.getLiveTimeline().getEvents()).at(-1), sharedId)
  })

  test('a reaction is counted by those who see it, and gone once it is taken back', async () => {
    const eventId = await ada.sendText(roomId, 'what do you think?')
    await bob.untilEvent(roomId, eventId)
    const relation = { rel_type: RelationType.Annotation as const, event_id: eventId, key: 'yes' }
    const sent = await bob.client.sendEvent(roomId, EventType.Reaction, { 'm.relates_to': relation })
    await assert.rejects(bob.client.sendEvent(roomId, EventType.Reaction, { 'm.relates_to': relation }), {
      errcode: 'M_DUPLICATE_ANNOTATION',
    })
    const reactions = () =>
      ada
        .room(roomId)
        .relations.getChildEventsForEvent(eventId, RelationType.Annotation, EventType.Reaction)
        ?.getSortedAnnotationsByKey()
        ?.map(([key, events]) => `${key} ${events.size}`)
        .filter((line) => !line.endsWith(' 0'))
    await ada.until('the reaction is there', () => reactions()?.join() === 'yes 1')
    const asked = await ada.client.relations(roomId, eventId, RelationType.Annotation, EventType.Reaction)
    assert.deepEqual(
      asked.events.map((event) => event.getId()),
      [sent.event_id],
    )
    await bob.client.redactEvent(roomId, sent.event_id)
    await ada.until('it is taken back', () => reactions()?.join() === '')
    assert.deepEqual((await ada.client.relations(roomId, eventId, RelationType.Annotation)).events, [])
  })

  test('an edit replaces the text, live and for a client that starts later; nobody edits what another said', async () => {
    const eventId = await ada.sendText(roomId, 'a typpo')
    await bob.untilEvent(roomId, eventId)
    await edit(bob, eventId, 'not what ada said')
    const editId = await edit(ada, eventId, 'no typo')
    await bob.until('bob sees the edit', async () => {
      return (await bob.untilEvent(roomId, eventId)).getContent().body === 'no typo'
    })
    const told = await bob.client.fetchRoomEvent(roomId, eventId)
    assert.equal(told.content?.body, 'a typpo', 'the event itself stays as it was signed')
    assert.equal(told.unsigned?.['m.relations']?.['m.replace']?.event_id, editId)

    const tablet = await world.newDevice(bob)
    const event = await tablet.untilEvent(roomId, eventId)
    assert.deepEqual([event.getContent().body, event.replacingEventId()], ['no typo', editId])
  })

  test('a poll: answers by reference, the last of each counts, and the end closes it', async () => {
    const { type, content } = PollStartEvent.from('tea or coffee?', ['tea', 'coffee'], 'm.poll.disclosed').serialize()
    const { event_id: pollId } = await ada.client.sendEvent(roomId, type as never, content as never)
    const poll = await bob.until('bob sees the poll', () => bob.room(roomId).polls.get(pollId))
    const [tea, coffee] = poll.pollEvent.answers.map(({ id }) => id)
    await answer(bob, pollId, coffee)
    await answer(ada, pollId, tea)
    const changedMind = await answer(bob, pollId, tea)
    const end = PollEndEvent.from(pollId, 'it is tea').serialize()
    const { event_id: endId } = await ada.client.sendEvent(roomId, end.type as never, end.content as never)
    await bob.until('bob sees the end', () => poll.isEnded && poll.endEventId === endId)

    const tablet = await world.newDevice(bob)
    const later = await tablet.until('the tablet knows the poll', () => tablet.room(roomId).polls.get(pollId))
    const votes = (await later.getResponses()).getRelations()
    assert.equal(votes.length, 3)
    const last = votes.filter((vote) => vote.getSender() === bob.userId).sort((a, b) => a.getTs() - b.getTs())
    assert.equal(last.at(-1)?.getId(), changedMind)
    await tablet.until('the poll is closed there too', () => later.isEnded)
  })

  test('a poll by its stable names is related the same way', async () => {
    const start = {
      'm.text': [{ body: 'tea?' }],
      'm.poll': { question: { 'm.text': [{ body: 'tea?' }] }, answers: [] },
    }
    const { event_id: pollId } = await ada.client.sendEvent(roomId, 'm.poll.start' as never, start as never)
    const relation = { 'm.relates_to': { rel_type: 'm.reference', event_id: pollId }, 'm.selections': ['yes'] }
    const vote = await bob.client.sendEvent(roomId, 'm.poll.response' as never, relation as never)
    const end = await ada.client.sendEvent(roomId, 'm.poll.end' as never, { ...relation, 'm.text': [] } as never)
    await bob.untilEvent(roomId, end.event_id)
    const all = await bob.client.relations(roomId, pollId, RelationType.Reference, null, { dir: Direction.Forward })
    assert.deepEqual(
      all.events.map((event) => event.getId()),
      [vote.event_id, end.event_id],
    )
    const votes = await bob.client.relations(roomId, pollId, RelationType.Reference, 'm.poll.response')
    assert.deepEqual(
      votes.events.map((event) => event.getId()),
      [vote.event_id],
    )
  })

  async function inThread({ client }: SdkInProcess, rootId: string, body: string): Promise<string> {
    return (await client.sendMessage(roomId, rootId, { msgtype: MsgType.Text, body })).event_id
  }

  async function edit({ client }: SdkInProcess, eventId: string, body: string): Promise<string> {
    const fresh = { msgtype: MsgType.Text as const, body }
    const relation = { rel_type: RelationType.Replace as const, event_id: eventId }
    const content = { ...fresh, 'm.new_content': fresh, 'm.relates_to': relation }
    return (await client.sendMessage(roomId, content)).event_id
  }

  async function answer({ client }: SdkInProcess, pollId: string, choice = ''): Promise<string> {
    const { type, content } = PollResponseEvent.from([choice], pollId).serialize()
    return (await client.sendEvent(roomId, type as never, content as never)).event_id
  }
}

/** The ids of what was said in the thread, oldest first. */
function repliesOf(thread: Thread): (string | undefined)[] {
  return thread.events.filter((event) => event.getId() !== thread.id).map((event) => event.getId())
}

/** As the node counts: outside of threads, and in this one. */
function unread(room: Room, rootId: string): [number, number] {
  const { Total } = NotificationCountType
  return [room.getRoomUnreadNotificationCount(Total), room.getThreadUnreadNotificationCount(rootId, Total)]
}
