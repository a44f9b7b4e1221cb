import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { JsonObject, RoomId } from '@starling/protocol'
import { AccountDataStore } from '../../account-data/account-data-store.ts'
import type { MatrixApiOptions } from '../../matrix-api-options.ts'
import { MemoryEphemeral } from '../../rooms/testing/memory-ephemeral.ts'
import { client, roomPath } from '../../rooms/testing/paths.ts'
import { buckets } from '../../store/buckets.ts'
import { UnreadCounts } from '../../sync/unread-counts.ts'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import type { TestUser } from '../../testing/test-api.ts'
import { startWholeApiWithRooms, type WholeApiWithRooms } from '../../testing/whole-api-with-rooms.ts'
import { RoomPushEvaluation } from '../push-evaluation.ts'
import { PushRules } from '../push-rules.ts'
import { Pushers } from '../pushers.ts'
import { PushDelivery } from './push-delivery.ts'
import type { GatewayOutcome, SendToGateway } from './push-gateway.ts'

const URL_OF_GATEWAY = 'https://push.test/_matrix/push/v1/notify'

// biome-ignore lint/suspicious/noExplicitAny: tests look into what the gateway gets
type Told = any

/** A gateway that keeps what it is told, and answers what the test says. */
class Gateway {
  readonly told: Told[] = []
  readonly #waiting: ((told: Told) => void)[] = []
  readonly #unread: Told[] = []
  answer: () => GatewayOutcome = () => ({ kind: 'taken', rejected: [] })

  readonly send: SendToGateway = async (_url, body) => {
    const { notification } = body as { notification: Told }
    this.told.push(notification)
    const waiter = this.#waiting.shift()
    if (waiter) waiter(notification)
    else this.#unread.push(notification)
    return this.answer()
  }

  /** The next notification that the gateway gets. */
  next(): Promise<Told> {
    const ready = this.#unread.shift()
    return ready === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(ready)
  }
}

async function start(gateway: Gateway, options: Partial<MatrixApiOptions> = {}) {
  const pushing = { sendToGateway: gateway.send, retryDelayMs: () => 1 }
  const here = await startWholeApiWithRooms({ pushing, ...options })
  const [owner, ada] = [await here.user(), await here.guest('ada')]
  return { ...here, owner, ada }
}

async function setPusher(here: WholeApiWithRooms, as: TestUser, data: JsonObject = {}, url = URL_OF_GATEWAY) {
  const body = {
    ...{ app_id: 'org.app', pushkey: 'key', kind: 'http', lang: 'en' },
    ...{ app_display_name: 'App', device_display_name: 'Phone', data: { url, ...data } },
  }
  const answer = await here.request('POST', client('/pushers/set'), { as, body })
  expectMatchesSpec('postPusher', answer)
  assert.equal(answer.status, 200)
}

async function pushersOf(here: WholeApiWithRooms, as: TestUser): Promise<number> {
  const answer = await here.request('GET', client('/pushers'), { as })
  expectMatchesSpec('getPushers', answer)
  return answer.body.pushers.length
}

let transactions = 0
async function say(here: WholeApiWithRooms, as: TestUser, roomId: RoomId, body: string, more: object = {}) {
  const path = roomPath(roomId, 'send', 'm.room.message', `t${transactions++}`)
  const answer = await here.request('PUT', path, { as, body: { msgtype: 'm.text', body, ...more } })
  assert.equal(answer.status, 200)
  return answer.body.event_id as string
}

/** A room of the two, joined by both. */
async function together(here: Awaited<ReturnType<typeof start>>, body: JsonObject = {}): Promise<RoomId> {
  const roomId = await here.createRoom(here.owner, { preset: 'public_chat', name: 'Tea', ...body })
  await here.request('POST', roomPath(roomId, 'join'), { as: here.ada, body: {} })
  return roomId
}

test('a message is pushed in full, with names, counts, tweaks and priority; one’s own is not', async () => {
  const gateway = new Gateway()
  await using here = await start(gateway)
  const roomId = await together(here)
  await setPusher(here, here.ada, { extra: 'kept' })
  await say(here, here.ada, roomId, 'mine')
  const eventId = await say(here, here.owner, roomId, 'hello')
  const told = await gateway.next()
  const [device] = told.devices
  assert.deepEqual(
    { ...told, devices: [{ ...device, pushkey_ts: undefined }] },
    {
      event_id: eventId,
      room_id: roomId,
      type: 'm.room.message',
      sender: here.owner.userId,
      content: { msgtype: 'm.text', body: 'hello' },
      room_name: 'Tea',
      prio: 'high',
      counts: { unread: 1 },
      devices: [
        {
          ...{ app_id: 'org.app', pushkey: 'key', pushkey_ts: undefined },
          ...{ data: { extra: 'kept' }, tweaks: { sound: 'default' } },
        },
      ],
    },
  )
  assert.ok(Math.abs(device.pushkey_ts - here.clock.now() / 1000) < 60)
  await say(here, here.owner, roomId, 'again')
  assert.equal((await gateway.next()).counts.unread, 2)
  assert.equal(gateway.told.length, 2)
})

test('format event_id_only: nothing of the event but its id leaves the node', async () => {
  const gateway = new Gateway()
  await using here = await start(gateway)
  const roomId = await together(here)
  await setPusher(here, here.ada, { format: 'event_id_only' })
  await say(here, here.owner, roomId, 'secret')
  const told = await gateway.next()
  assert.deepEqual(Object.keys(told).sort(), ['counts', 'devices', 'event_id', 'prio', 'room_id'])
  assert.deepEqual(told.devices[0].data, { format: 'event_id_only' })
  assert.doesNotMatch(JSON.stringify(told), /secret|p2p|Tea/)
})

test('mentions highlight, room mentions only with the power; encrypted events and invites ring', async () => {
  const gateway = new Gateway()
  await using here = await start(gateway)
  const bob = await here.guest('bob')
  const roomId = await together(here)
  await here.request('POST', roomPath(roomId, 'join'), { as: bob, body: {} })
  await setPusher(here, here.ada)
  const tweaksOf = async () => (await gateway.next()).devices[0].tweaks
  await say(here, here.owner, roomId, 'plain, in a room of three')
  assert.deepEqual(await tweaksOf(), {})
  assert.equal(gateway.told.at(-1).prio, 'low')
  await say(here, bob, roomId, 'you', { 'm.mentions': { user_ids: [here.ada.userId] } })
  assert.deepEqual(await tweaksOf(), { sound: 'default', highlight: true })
  await say(here, here.owner, roomId, 'all', { 'm.mentions': { room: true } })
  assert.deepEqual(await tweaksOf(), { highlight: true })
  await say(here, bob, roomId, 'all, says nobody', { 'm.mentions': { room: true } })
  assert.deepEqual(await tweaksOf(), {})
  const encrypted = { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'x' }
  await here.request('PUT', roomPath(roomId, 'send', 'm.room.encrypted', 'e'), { as: bob, body: encrypted })
  assert.equal((await gateway.next()).type, 'm.room.encrypted')
  const other = await here.createRoom(here.owner, { name: 'Attic', invite: [here.ada.userId] })
  const invite = await gateway.next()
  assert.deepEqual(
    [invite.room_id, invite.type, invite.user_is_target, invite.room_name, invite.devices[0].tweaks],
    [other, 'm.room.member', true, 'Attic', { sound: 'default' }],
  )
})

test('no push of ignored people, of muted rooms or to locked accounts', async () => {
  const gateway = new Gateway()
  await using here = await start(gateway)
  const bob = await here.guest('bob')
  const roomId = await together(here)
  await here.request('POST', roomPath(roomId, 'join'), { as: bob, body: {} })
  await setPusher(here, here.ada)
  const ofAda = (path: string) => client(`/user/${here.ada.userId}/account_data/${path}`)
  const ignore = { ignored_users: { [bob.userId]: {} } }
  await here.request('PUT', ofAda('m.ignored_user_list'), { as: here.ada, body: ignore })
  await say(here, bob, roomId, 'ignored')
  await here.request('POST', client('/createRoom'), { as: bob, body: { invite: [here.ada.userId] } })
  const rule = client(`/pushrules/global/room/${encodeURIComponent(roomId)}`)
  const mute = client('/pushrules/global/override/mute')
  const inRoom = [{ kind: 'event_match', key: 'room_id', pattern: roomId }]
  await here.request('PUT', mute, { as: here.ada, body: { actions: [], conditions: inRoom } })
  await say(here, here.owner, roomId, 'muted')
  await here.request('DELETE', mute, { as: here.ada })
  await here.api.accounts.setStanding(here.ada.userId, { locked: true })
  await say(here, here.owner, roomId, 'locked')
  await pushesLookedAt(here)
  await here.api.accounts.setStanding(here.ada.userId, { locked: false })
  await here.request('PUT', rule, { as: here.ada, body: { actions: ['notify'] } })
  await say(here, here.owner, roomId, 'at last')
  assert.equal((await gateway.next()).content.body, 'at last')
  assert.equal(gateway.told.length, 1)
})

/** What was sent so far has been looked at: the row that says how far the watcher has got says so. */
async function pushesLookedAt(here: Awaited<ReturnType<typeof start>>): Promise<void> {
  const until = here.rooms.positions.current()
  while (true) {
    const row = await here.store.get(Uint8Array.of(buckets.pushCursor))
    if (row && JSON.parse(Buffer.from(row).toString()).position >= until) return
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a gateway that fails is asked again until it takes the notification, in order', async () => {
  const gateway = new Gateway()
  let failures = 3
  gateway.answer = () => (failures-- > 0 ? { kind: 'failed', reason: 'status 502' } : { kind: 'taken', rejected: [] })
  await using here = await start(gateway)
  const roomId = await together(here)
  await setPusher(here, here.ada)
  const first = await say(here, here.owner, roomId, 'one')
  const second = await say(here, here.owner, roomId, 'two')
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.push((await gateway.next()).event_id)
  assert.deepEqual(ids, [first, first, first, first, second])
})

test('a push key that the gateway rejects is forgotten with its pusher', async () => {
  const gateway = new Gateway()
  gateway.answer = () => ({ kind: 'taken', rejected: ['other', 'key'] })
  await using here = await start(gateway)
  const roomId = await together(here)
  await setPusher(here, here.ada)
  await say(here, here.owner, roomId, 'one')
  await gateway.next()
  while ((await pushersOf(here, here.ada)) > 0) await new Promise((resolve) => setImmediate(resolve))
  await say(here, here.owner, roomId, 'two')
  assert.equal(gateway.told.length, 1)
})

test('what came while nothing was pushed is pushed after a restart, and what was pushed before is not', async () => {
  const before = new Gateway()
  await using here = await start(before)
  const roomId = await together(here)
  await setPusher(here, here.ada)
  const first = await say(here, here.owner, roomId, 'one')
  assert.equal((await before.next()).event_id, first)
  await pushesLookedAt(here)
  await here.api.stop()
  const second = await say(here, here.owner, roomId, 'two')
  const after = new Gateway()
  const { store, clock, logger, positions } = { ...here, positions: here.rooms.positions }
  const { reader } = here.rooms
  const accountData = new AccountDataStore({ store, positions })
  const push = new RoomPushEvaluation(new PushRules(store, () => accountData), reader)
  const delivery = new PushDelivery({
    ...{ store, clock, logger, positions, reader, accountData, push, ownGateways: [], sendToGateway: after.send },
    pushers: new Pushers(store, clock),
    unreadCounts: new UnreadCounts({ reader, push, ephemeral: new MemoryEphemeral(positions, clock) }),
    isLocked: async () => false,
  })
  delivery.start()
  assert.equal((await after.next()).event_id, second)
  await delivery.stop()
  assert.deepEqual([before.told.length, after.told.length], [1, 1])
})

test('bad input 85: no push gateway on this machine or its networks, unless the owner has named it', async () => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.setHeader('content-type', 'application/json').end('{"rejected":["key"]}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const origin = `http://127.0.0.1:${port}`
    const url = `${origin}/_matrix/push/v1/notify`
    for (const pushGateways of [[], [origin]]) {
      await using here = await startWholeApiWithRooms({ pushGateways })
      const [owner, ada] = [await here.user(), await here.guest('ada')]
      const parts = { ...here, owner, ada }
      const roomId = await together(parts)
      const insecure = { app_id: 'a', pushkey: 'k', kind: 'http', data: { url } }
      const names = { app_display_name: 'x', device_display_name: 'x', lang: 'en' }
      const set = await here.outcome('POST', client('/pushers/set'), ada, { ...insecure, ...names })
      assert.deepEqual(set, pushGateways.length > 0 ? [200] : [400, 'M_INVALID_PARAM'])
      await here.request('POST', client('/pushers/set'), { as: ada, body: { ...insecure, ...names, kind: null } })
      const secure = `https://127.0.0.1:${port}/_matrix/push/v1/notify`
      await setPusher(here, ada, {}, pushGateways.length > 0 ? url : secure)
      await say(here, owner, roomId, 'x')
      if (pushGateways.length > 0) {
        // The twin: where it is named, it is asked and heard, over real HTTP.
        while ((await pushersOf(here, ada)) > 0) await new Promise((resolve) => setImmediate(resolve))
        assert.deepEqual(asked, ['POST /_matrix/push/v1/notify'])
      } else {
        const refused = () => here.logger.lines.some(({ fields }) => fields.reason === 'forbidden-address')
        while (!refused()) await new Promise((resolve) => setImmediate(resolve))
        assert.deepEqual(asked, [])
      }
    }
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})
