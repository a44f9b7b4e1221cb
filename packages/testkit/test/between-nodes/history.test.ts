import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { type ClientEvent, eventually, type OwnerClient } from '@starling/testkit'
import { Follower } from './follower.ts'
import {
  assertRefused,
  bodiesUpTo,
  createRoom,
  inRoom,
  invite,
  join,
  membershipIs,
  registerResident,
  roomWith,
  say,
  sees,
  setState,
  UNKNOWN_EVENT,
} from './rooms.ts'
import { twoNodes } from './two-nodes.ts'

suite('between two nodes: redactions, history visibility, history from before, reports', () => {
  const nodes = twoNodes()

  test('a redaction takes the content away at both nodes, from every way to read it; by who may only', async () => {
    const { ada, bob } = nodes()
    const roomId = await roomWith(ada, [bob])
    const [mine, his] = [await say(ada, roomId, 'a slip of mine'), await say(bob.client, roomId, 'a slip of his')]
    await sees(bob.client, roomId, mine)
    await sees(ada, roomId, his)
    assertRefused(await tryRedacting(bob.client, roomId, mine), 403, 'M_FORBIDDEN')
    const follower = await Follower.start(bob.client)
    for (const eventId of [mine, his]) {
      const { status, body } = await tryRedacting(ada, roomId, eventId, 'regretted')
      assert.equal(status, 200, JSON.stringify(body))
      const redaction = body.event_id as string
      await follower.until('the redaction', ({ rooms }) => {
        return rooms?.join?.[roomId]?.timeline.events.some(({ event_id }) => event_id === redaction)
      })
      for (const client of [ada, bob.client]) {
        const event = await eventually('the event is redacted', async () => {
          const found = await sees(client, roomId, eventId)
          return Object.keys(found.content).length === 0 && found
        })
        const because = event.unsigned?.redacted_because as ClientEvent
        assert.deepEqual([because.event_id, because.content.reason], [redaction, 'regretted'])
      }
    }
    for (const client of [ada, bob.client]) {
      const shown = await Promise.all([
        client.ok('GET', inRoom(roomId, 'messages?dir=b&limit=50')),
        client.ok('GET', inRoom(roomId, `context/${encodeURIComponent(mine)}`)),
        client.ok('POST', 'search', { search_categories: { room_events: { search_term: 'slip' } } }),
      ])
      assert.ok(!JSON.stringify(shown).includes('a slip of'))
    }
  })

  test('what was redacted before a node came is not told to it', async () => {
    const { ada, bob, via } = nodes()
    const roomId = await createRoom(ada, { preset: 'public_chat' })
    const secret = await say(ada, roomId, 'never mind')
    const kept = await say(ada, roomId, 'do mind')
    assert.equal((await tryRedacting(ada, roomId, secret)).status, 200)
    await join(bob.client, roomId, via)
    const events = await bob.client.eventsAfter(roomId, undefined)
    assert.deepEqual(events.find(({ event_id }) => event_id === secret)?.content, {})
    assert.equal(events.find(({ event_id }) => event_id === kept)?.content.body, 'do mind')
  })

  for (const [visibility, expected] of [
    ['world_readable', ['early', 'invited', 'joined']],
    ['shared', ['early', 'invited', 'joined']],
    ['invited', ['invited', 'joined']],
    ['joined', ['joined']],
  ] as const) {
    test(`history visibility "${visibility}": who comes later from the other node sees ${expected.join(', ')}`, async () => {
      const { ada, bob, other } = nodes()
      const dora = await registerResident(other, `dora_${visibility}`)
      const roomId = await createRoom(ada, {
        preset: 'private_chat',
        initial_state: [
          { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: visibility } },
        ],
      })
      const early = await say(ada, roomId, 'early')
      await invite(ada, roomId, bob.id)
      await say(ada, roomId, 'invited')
      assertRefused(await bob.client.call('GET', inRoom(roomId, 'messages?dir=b')), 403, 'M_FORBIDDEN')
      await join(bob.client, roomId)
      await membershipIs(ada, roomId, bob.id, 'join')
      await say(ada, roomId, 'joined')
      assert.deepEqual(await bodiesUpTo(bob.client, roomId, 'joined'), expected)
      assert.deepEqual(await bodiesUpTo(ada, roomId, 'joined'), ['early', 'invited', 'joined'])
      const one = await bob.client.call('GET', inRoom(roomId, `event/${encodeURIComponent(early)}`))
      assert.equal(one.status, visibility === 'world_readable' || visibility === 'shared' ? 200 : 404)

      // Whoever was not there, at Bob's node: reads only what the world may; once in, what her own stay lets her see.
      const outside = await dora.client.call('GET', inRoom(roomId, 'messages?dir=b&limit=50'))
      assert.equal(outside.status, visibility === 'world_readable' ? 200 : 403, JSON.stringify(outside.body))
      await invite(bob.client, roomId, dora.id)
      await join(dora.client, roomId)
      await membershipIs(ada, roomId, dora.id, 'join')
      await say(ada, roomId, 'last')
      const seen = visibility === 'world_readable' || visibility === 'shared' ? ['early', 'invited', 'joined'] : []
      assert.deepEqual(await bodiesUpTo(dora.client, roomId, 'last'), [...seen, 'last'])
    })
  }

  test('a visibility that changes holds from there on, for who comes later', async () => {
    const { ada, bob, via } = nodes()
    const roomId = await createRoom(ada, { preset: 'public_chat' })
    await say(ada, roomId, 'open')
    await setState(ada, roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
    const closed = await say(ada, roomId, 'closed')
    await setState(ada, roomId, 'm.room.history_visibility', { history_visibility: 'shared' })
    await say(ada, roomId, 'open again')
    await join(bob.client, roomId, via)
    await membershipIs(ada, roomId, bob.id, 'join')
    // His node may hold the shell of what it was not to see, never its content.
    const shown = (await bodiesUpTo(bob.client, roomId, 'open again')).filter((body) => body !== undefined)
    assert.deepEqual(shown, ['open', 'open again'])
    assert.deepEqual(await bodiesUpTo(ada, roomId, 'open again'), ['open', 'closed', 'open again'])
    const one = await bob.client.call('GET', inRoom(roomId, `event/${encodeURIComponent(closed)}`))
    assert.ok(!JSON.stringify(one.body).includes('closed'))
  })

  test('history from before its time is paged back to the beginning, in order, by a node that was not there', async () => {
    const { ada, bob, via } = nodes()
    const roomId = await createRoom(ada, { preset: 'public_chat', name: 'Long' })
    const bodies = Array.from({ length: 60 }, (_, number) => `number ${number}`)
    for (const body of bodies) await say(ada, roomId, body)
    await join(bob.client, roomId, via)
    const newestFirst: ClientEvent[] = []
    for (let from = ''; ; ) {
      const page = await bob.client.ok('GET', inRoom(roomId, `messages?dir=b&limit=25${from}`))
      newestFirst.push(...(page.chunk as ClientEvent[]))
      if (page.end === undefined) break
      from = `&from=${page.end}`
    }
    const messages = newestFirst
      .toReversed()
      .flatMap(({ type, content }) => (type === 'm.room.message' ? [content.body] : []))
    assert.deepEqual(messages, bodies)
    assert.equal(newestFirst.at(-1)?.type, 'm.room.create')
    assert.equal(new Set(newestFirst.map(({ event_id }) => event_id)).size, newestFirst.length)
    const ids = async (client: OwnerClient) => {
      return (await client.eventsAfter(roomId, undefined)).map(({ event_id }) => event_id).sort()
    }
    await eventually('both nodes give the same events', async () => {
      return isDeepStrictEqual(await ids(bob.client), await ids(ada))
    })
  })

  test('an event from before its time is found by its time, and shown with what stands around it', async () => {
    const { ada, bob, other, via } = nodes()
    const roomId = await createRoom(ada, { preset: 'public_chat' })
    const ids: string[] = []
    for (let number = 0; number < 30; number++) ids.push(await say(ada, roomId, `event ${number}`))
    const [before = '', middle = '', behind = ''] = ids.slice(14, 17)
    const ts = ((await sees(ada, roomId, middle)) as ClientEvent & { origin_server_ts: number }).origin_server_ts
    await join(bob.client, roomId, via)
    for (const client of [bob.client, ada]) {
      for (const dir of ['f', 'b']) {
        const found = await client.ok(
          'GET',
          `/_matrix/client/v1/${inRoom(roomId, `timestamp_to_event?dir=${dir}&ts=${ts}`)}`,
        )
        assert.deepEqual(found.origin_server_ts, ts)
        assert.ok(ids.includes(found.event_id as string))
      }
      const context = await client.ok('GET', inRoom(roomId, `context/${encodeURIComponent(middle)}?limit=2`))
      assert.deepEqual(
        [context.events_before, [context.event], context.events_after].map((events) => {
          return (events as ClientEvent[]).map(({ event_id }) => event_id)
        }),
        [[before], [middle], [behind]],
      )
    }
    const future = await bob.client.call(
      'GET',
      `/_matrix/client/v1/${inRoom(roomId, `timestamp_to_event?dir=f&ts=${Date.now() + 3_600_000}`)}`,
    )
    assertRefused(future, 404, 'M_NOT_FOUND')
    const unknown = await bob.client.call('GET', inRoom(roomId, `context/${encodeURIComponent(UNKNOWN_EVENT)}`))
    assertRefused(unknown, 404, 'M_NOT_FOUND')
    const dora = await registerResident(other, 'dora')
    const outside = await dora.client.call('GET', inRoom(roomId, `context/${encodeURIComponent(middle)}`))
    assertRefused(outside, 403, 'M_FORBIDDEN')
  })

  test('an event from before its time is shown to who knows its id, before anybody paged there', async () => {
    const { ada, bob, via } = nodes()
    const roomId = await createRoom(ada, { preset: 'public_chat' })
    const eventId = await say(ada, roomId, 'quoted elsewhere')
    for (let number = 0; number < 30; number++) await say(ada, roomId, `later ${number}`)
    await join(bob.client, roomId, via)
    const context = await bob.client.ok('GET', inRoom(roomId, `context/${encodeURIComponent(eventId)}?limit=2`))
    assert.equal((context.event as ClientEvent).content.body, 'quoted elsewhere')
    assert.equal((await sees(bob.client, roomId, eventId)).content.body, 'quoted elsewhere')
  })

  test('a report stays with the node of who reports; nobody reports what they cannot see', async () => {
    const { ada, adaId, bob, other } = nodes()
    const dora = await registerResident(other, 'doraline')
    const roomId = await roomWith(ada, [bob])
    const eventId = await say(ada, roomId, 'something rude')
    await sees(bob.client, roomId, eventId)
    const follower = await Follower.start(ada)
    const report = (client: OwnerClient, path: string) => client.call('POST', path, { reason: 'rude to a fault' })
    const paths = [
      inRoom(roomId, `report/${encodeURIComponent(eventId)}`),
      inRoom(roomId, 'report'),
      `users/${encodeURIComponent(adaId)}/report`,
    ]
    for (const path of paths) assert.equal((await report(bob.client, path)).status, 200, path)
    for (const path of paths.slice(0, 1)) assert.equal((await report(dora.client, path)).status, 404, path)
    assertRefused(
      await report(bob.client, inRoom(roomId, `report/${encodeURIComponent(UNKNOWN_EVENT)}`)),
      404,
      'M_NOT_FOUND',
    )
    const later = await say(bob.client, roomId, 'nothing happened')
    await follower.until('what comes after', ({ rooms }) => {
      return rooms?.join?.[roomId]?.timeline.events.some(({ event_id }) => event_id === later)
    })
    assert.ok(!JSON.stringify(follower.told).includes('rude to a fault'))
  })
})

let redactions = 0

function tryRedacting(client: OwnerClient, roomId: string, eventId: string, reason?: string) {
  const path = inRoom(roomId, `redact/${encodeURIComponent(eventId)}/redaction${redactions++}`)
  return client.call('PUT', path, { ...(reason && { reason }) })
}
