import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { eventually, type OwnerClient } from '@starling/testkit'
import { Follower, type SyncAnswer } from './follower.ts'
import {
  assertRefused,
  createRoom,
  inRoom,
  membershipIs,
  registerResident,
  roomWith,
  say,
  sees,
  send,
  UNKNOWN_EVENT,
} from './rooms.ts'
import { twoNodes } from './two-nodes.ts'

suite('between two nodes: profiles, presence, typing, receipts, read markers, ignored users', () => {
  const nodes = twoNodes()
  /** Ada's, with Bob in it. */
  let roomId: string
  before(async () => {
    const { ada, bob } = nodes()
    roomId = await roomWith(ada, [bob])
  })

  const profile = (userId: string, field = '') => `profile/${encodeURIComponent(userId)}${field && `/${field}`}`

  test('a new name and avatar are in the member event of both nodes, and so is their removal', async () => {
    const { ada, adaId, bob, one } = nodes()
    const avatar = `mxc://${one.info.server_name}/face`
    await ada.ok('PUT', profile(adaId, 'displayname'), { displayname: 'Ada L.' })
    await ada.ok('PUT', profile(adaId, 'avatar_url'), { avatar_url: avatar })
    for (const client of [ada, bob.client]) {
      await eventually('the member event follows', async () => {
        const content = await membershipIs(client, roomId, adaId, 'join')
        return content.displayname === 'Ada L.' && content.avatar_url === avatar
      })
      const whole = await client.ok('GET', profile(adaId))
      assert.deepEqual([whole.displayname, whole.avatar_url], ['Ada L.', avatar])
      assert.deepEqual(await client.ok('GET', profile(adaId, 'displayname')), { displayname: 'Ada L.' })
    }
    await ada.ok('DELETE', profile(adaId, 'avatar_url'))
    await eventually('the avatar is gone at the other node', async () => {
      const content = await membershipIs(bob.client, roomId, adaId, 'join')
      return content.avatar_url === undefined && content.displayname === 'Ada L.'
    })
    assertRefused(await bob.client.call('GET', profile(adaId, 'avatar_url')), 404, 'M_NOT_FOUND')
  })

  test('extended profile fields are read at the other node; nobody writes another’s profile', async () => {
    const { ada, bob, one } = nodes()
    const carol = await registerResident(one, 'carol')
    await carol.client.ok('PUT', profile(carol.id, 'm.tz'), { 'm.tz': 'Europe/London' })
    await carol.client.ok('PUT', profile(carol.id, 'org.example.colours'), { 'org.example.colours': ['red', { a: 1 }] })
    for (const client of [ada, bob.client]) {
      assert.deepEqual(await client.ok('GET', profile(carol.id)), {
        'm.tz': 'Europe/London',
        'org.example.colours': ['red', { a: 1 }],
      })
      assert.deepEqual(await client.ok('GET', profile(carol.id, 'm.tz')), { 'm.tz': 'Europe/London' })
      assertRefused(await client.call('GET', profile(carol.id, 'org.example.none')), 404, 'M_NOT_FOUND')
      assertRefused(await client.call('PUT', profile(carol.id, 'm.tz'), { 'm.tz': 'UTC' }), 403, 'M_FORBIDDEN')
    }
    const nobody = `@nobody:${one.info.server_name}`
    assertRefused(await bob.client.call('GET', profile(nobody)), 404, 'M_NOT_FOUND')
  })

  test('presence and its message are told to who shares a room, to nobody else', async () => {
    const { ada, adaId, bob, one, other } = nodes()
    const [carol, dora] = [await registerResident(one, 'carola'), await registerResident(other, 'dora')]
    const follower = await Follower.start(bob.client)
    const status = { presence: 'unavailable', status_msg: 'gone fishing' }
    await ada.ok('PUT', `presence/${encodeURIComponent(adaId)}/status`, status)
    await follower.until('Ada’s presence', ({ presence }) => {
      return presence?.events.some(({ sender, content }) => {
        return sender === adaId && content.presence === 'unavailable' && content.status_msg === 'gone fishing'
      })
    })
    const at = (userId: string) => `presence/${encodeURIComponent(userId)}/status`
    for (const client of [ada, bob.client]) {
      assert.equal((await client.ok('GET', at(adaId))).status_msg, 'gone fishing')
    }
    assertRefused(await dora.client.call('GET', at(adaId)), 403, 'M_FORBIDDEN')
    await carol.client.ok('PUT', at(carol.id), { presence: 'online', status_msg: 'unseen' })
    await ada.ok('PUT', at(adaId), { presence: 'online', status_msg: 'back' })
    await follower.until('what Ada says next', ({ presence }) => {
      return presence?.events.some(({ content }) => content.status_msg === 'back')
    })
    assert.ok(!JSON.stringify(follower.told).includes(carol.id), 'a stranger’s presence came along')
    assertRefused(await bob.client.call('GET', at(carol.id)), 403, 'M_FORBIDDEN')
    assertRefused(await bob.client.call('PUT', at(adaId), status), 403, 'M_FORBIDDEN')
  })

  test('who types is shown at the other node, and that they stopped; nobody types for others', async () => {
    const { ada, adaId, bob } = nodes()
    const follower = await Follower.start(bob.client)
    const typing = (client: OwnerClient, userId: string, content: object) =>
      client.call('PUT', inRoom(roomId, `typing/${encodeURIComponent(userId)}`), content)
    assert.equal((await typing(ada, adaId, { typing: true, timeout: 60_000 })).status, 200)
    await follower.until('typing', (answer) => typers(answer, roomId)?.includes(adaId))
    assert.equal((await typing(ada, adaId, { typing: false })).status, 200)
    await follower.until('stopped', (answer) => typers(answer, roomId)?.length === 0)
    assertRefused(await typing(bob.client, adaId, { typing: true }), 403, 'M_FORBIDDEN')
    const elsewhere = await createRoom(ada)
    const path = inRoom(elsewhere, `typing/${encodeURIComponent(bob.id)}`)
    assertRefused(await bob.client.call('PUT', path, { typing: true }), 403, 'M_FORBIDDEN')
  })

  test('a public receipt is seen at the other node, a private one never leaves its own', async () => {
    const { ada, adaId, bob, one } = nodes()
    const carol = await registerResident(one, 'carolyn')
    const room = await roomWith(ada, [bob, carol])
    const [first, second, third] = [
      await say(bob.client, room, 'one'),
      await say(bob.client, room, 'two'),
      await say(bob.client, room, 'three'),
    ]
    await sees(ada, room, third)
    const [near, far, own] = [
      await Follower.start(carol.client),
      await Follower.start(bob.client),
      await Follower.start(ada),
    ]
    await receipt(ada, room, 'm.read', first)
    for (const follower of [near, far]) {
      await follower.until('the public receipt', (answer) => isRead(answer, room, 'm.read', first, adaId))
    }
    await receipt(ada, room, 'm.read.private', second)
    await own.until('the private receipt', (answer) => isRead(answer, room, 'm.read.private', second, adaId))
    await receipt(ada, room, 'm.read', third)
    for (const follower of [near, far]) {
      await follower.until('the next public receipt', (answer) => isRead(answer, room, 'm.read', third, adaId))
      assert.ok(!JSON.stringify([follower.told, await follower.anew()]).includes('m.read.private'))
    }
    assertRefused(await tryReceipt(bob.client, room, 'm.read', UNKNOWN_EVENT), 404, 'M_NOT_FOUND')
    assertRefused(await tryReceipt(bob.client, room, 'm.wrong', third), 400, 'M_INVALID_PARAM')
  })

  test('receipts in threads are seen as such, each thread and the main one by itself', async () => {
    const { ada, bob } = nodes()
    const root = await say(ada, roomId, 'a thread begins')
    const reply = await send(ada, roomId, 'm.room.message', {
      ...{ msgtype: 'm.text', body: 'in it', 'm.relates_to': { rel_type: 'm.thread', event_id: root } },
    })
    await sees(bob.client, roomId, reply)
    const follower = await Follower.start(ada)
    assertRefused(await tryReceipt(bob.client, roomId, 'm.read', reply, 'main'), 400, 'M_INVALID_PARAM')
    await receipt(bob.client, roomId, 'm.read', reply, root)
    await follower.until('the receipt in the thread', (answer) => {
      return isRead(answer, roomId, 'm.read', reply, bob.id, root)
    })
    await receipt(bob.client, roomId, 'm.read', root, 'main')
    await follower.until('the receipt beside it', (answer) => isRead(answer, roomId, 'm.read', root, bob.id, 'main'))
    const whole = receiptsOf(await follower.anew(), roomId)
    assert.equal(threadOf(whole, reply, bob.id), root)
    assert.equal(threadOf(whole, root, bob.id), 'main')
  })

  test('read markers: the receipt is seen at the other node, the fully-read marker is one’s own', async () => {
    const { ada, adaId, bob } = nodes()
    const eventId = await say(bob.client, roomId, 'read me')
    await sees(ada, roomId, eventId)
    const [own, far] = [await Follower.start(ada), await Follower.start(bob.client)]
    await ada.ok('POST', inRoom(roomId, 'read_markers'), { 'm.fully_read': eventId, 'm.read': eventId })
    await far.until('the receipt', (answer) => isRead(answer, roomId, 'm.read', eventId, adaId))
    await own.until('the marker', ({ rooms }) => {
      const marks = rooms?.join?.[roomId]?.account_data.events ?? []
      return marks.some(({ type, content }) => type === 'm.fully_read' && content.event_id === eventId)
    })
    assert.ok(!JSON.stringify([far.told, await far.anew()]).includes('m.fully_read'))
    const wrong = await ada.call('POST', inRoom(roomId, 'read_markers'), { 'm.fully_read': UNKNOWN_EVENT })
    assertRefused(wrong, 404, 'M_NOT_FOUND')
  })

  test('of who is ignored nothing comes: no message, invite, typing, receipt or presence; all again afterwards', async () => {
    const { ada, adaId, bob, other } = nodes()
    const dora = await registerResident(other, 'doraline')
    const room = await roomWith(ada, [bob, dora])
    await membershipIs(bob.client, room, dora.id, 'join')
    const ignore = (users: object) =>
      dora.client.ok('PUT', `user/${encodeURIComponent(dora.id)}/account_data/m.ignored_user_list`, {
        ignored_users: users,
      })
    await ignore({ [adaId]: {} })
    const follower = await Follower.start(dora.client)
    const others = await Follower.start(bob.client)
    const unheard = await say(ada, room, 'are you there?')
    const invited = await createRoom(ada, { preset: 'private_chat', invite: [dora.id, bob.id] })
    await ada.ok('PUT', inRoom(room, `typing/${encodeURIComponent(adaId)}`), {
      typing: true,
      timeout: 60_000,
    })
    await ada.ok('POST', inRoom(room, `receipt/m.read/${encodeURIComponent(unheard)}`), {})
    await ada.ok('PUT', `presence/${encodeURIComponent(adaId)}/status`, {
      ...{ presence: 'online', status_msg: 'to those who listen' },
    })
    const came = new Set<string>()
    await others.until('all of it at the same node, for whoever does not ignore her', (answer) => {
      const told = JSON.stringify(answer)
      if (told.includes(unheard)) came.add('message')
      if (answer.rooms?.invite?.[invited]) came.add('invite')
      if (typers(answer, room)?.includes(adaId)) came.add('typing')
      if (isRead(answer, room, 'm.read', unheard, adaId)) came.add('receipt')
      if (told.includes('to those who listen')) came.add('presence')
      return came.size === 5
    })
    const heard = await say(bob.client, room, 'she is')
    await follower.until('what others say', ({ rooms }) => {
      return rooms?.join?.[room]?.timeline.events.some(({ event_id }) => event_id === heard)
    })
    for (const answer of [...follower.told.slice(1), await follower.anew()]) {
      assert.ok(!JSON.stringify(answer).includes(unheard))
      assert.equal(answer.rooms?.invite?.[invited], undefined)
      assert.ok(!typers(answer, room)?.includes(adaId))
      assert.ok(!JSON.stringify(answer.presence ?? {}).includes(adaId))
    }
    await ignore({})
    assert.ok(JSON.stringify(await follower.anew()).includes(unheard))
    await sees(dora.client, room, unheard)
  })
})

function receiptPath(roomId: string, type: string, eventId: string): string {
  return inRoom(roomId, `receipt/${type}/${encodeURIComponent(eventId)}`)
}

function tryReceipt(client: OwnerClient, roomId: string, type: string, eventId: string, threadId?: string) {
  return client.call('POST', receiptPath(roomId, type, eventId), { ...(threadId && { thread_id: threadId }) })
}

async function receipt(client: OwnerClient, roomId: string, type: string, eventId: string, threadId?: string) {
  const { status, body } = await tryReceipt(client, roomId, type, eventId, threadId)
  assert.equal(status, 200, JSON.stringify(body))
}

/** Event → type → user → `{ts, thread_id}`. */
type Receipts = Readonly<Record<string, Record<string, Record<string, { thread_id?: string }>>>>

/** Every `m.receipt` event of the room, one per thread. */
function receiptsOf(answer: SyncAnswer, roomId: string): readonly Receipts[] {
  const events = answer.rooms?.join?.[roomId]?.ephemeral.events ?? []
  return events.flatMap(({ type, content }) => (type === 'm.receipt' ? [content as Receipts] : []))
}

function threadOf(receipts: readonly Receipts[], eventId: string, userId: string): string | undefined {
  return receipts.map((content) => content[eventId]?.['m.read']?.[userId]?.thread_id).find((id) => id !== undefined)
}

function isRead(
  answer: SyncAnswer,
  roomId: string,
  type: string,
  eventId: string,
  userId: string,
  threadId?: string,
): boolean {
  return receiptsOf(answer, roomId).some((content) => {
    const found = content[eventId]?.[type]?.[userId]
    return found !== undefined && found.thread_id === threadId
  })
}

function typers(answer: SyncAnswer, roomId: string): readonly string[] | undefined {
  const events = answer.rooms?.join?.[roomId]?.ephemeral.events ?? []
  return events.find(({ type }) => type === 'm.typing')?.content.user_ids as readonly string[] | undefined
}
