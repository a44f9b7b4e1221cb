import type { EventId, JsonObject, RoomId } from '@starling/protocol'
import type { TestUser } from '../../src/testing/test-api.ts'
import type { ContractWorld } from '../contract/contract-world.ts'

/** Stands in everything that only alice, or only the members of her room, may read. */
export const MARKER = 'sekrit'

/** Alice's private room and belongings, and people who have no business with them. */
export interface Stage {
  readonly alice: TestUser
  /** Shares no room with alice. */
  readonly stranger: TestUser
  /** Were in the room before anything in it was secret. */
  readonly left: TestUser
  readonly banned: TestUser
  /** Invited before anything in the room was secret. */
  readonly invited: TestUser
  /** Joined, with alice, in `otherRoom` only. */
  readonly elsewhere: TestUser
  readonly room: RoomId
  readonly otherRoom: RoomId
  readonly event: EventId
  readonly alias: string
  readonly filter: string
  readonly backup: string
  readonly media: { readonly serverName: string; readonly mediaId: string }
}

const V3 = '/_matrix/client/v3'

export async function setStage(world: ContractWorld): Promise<Stage> {
  const { api, alice, id } = world
  const people = await Promise.all(
    ['stranger', 'left', 'banned', 'invited', 'elsewhere'].map((name) => world.person(id(name))),
  )
  const [stranger, left, banned, invited, elsewhere] = people as [TestUser, TestUser, TestUser, TestUser, TestUser]
  const must = async (method: string, path: string, body: JsonObject | string, as = alice) => {
    const answer = await api.request(method, path, { as, body })
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const room = await api.createRoom(alice, { invite: [left.userId, banned.userId, invited.userId] })
  for (const guest of [left, banned]) await world.join(guest, room)
  const inRoom = `${V3}/rooms/${encodeURIComponent(room)}`
  await must('POST', `${inRoom}/leave`, {}, left)
  await must('POST', `${inRoom}/ban`, { user_id: banned.userId })
  const otherRoom = await api.createRoom(alice, { invite: [elsewhere.userId] })
  await world.join(elsewhere, otherRoom)

  const alias = `#${id('hidden')}:here.test`
  await must('PUT', `${V3}/directory/room/${encodeURIComponent(alias)}`, { room_id: room })
  const event = await plantInRoom(world, room, inRoom, must)
  return {
    ...{ alice, stranger, left, banned, invited, elsewhere, room, otherRoom, event, alias },
    ...(await plantBelongings(world, room, must)),
  }
}

type Must = (method: string, path: string, body: JsonObject | string, as?: TestUser) => Promise<JsonObject>

async function plantInRoom(world: ContractWorld, room: RoomId, inRoom: string, must: Must): Promise<EventId> {
  const { alice } = world
  await world.state(alice, room, 'm.room.name', { name: `${MARKER} name` })
  await world.state(alice, room, 'm.room.topic', { topic: `${MARKER} topic` })
  await world.state(alice, room, 'org.example.custom', { value: `${MARKER} state` }, MARKER)
  const event = await world.say(alice, room, `${MARKER} message`)
  const relates = { rel_type: 'm.thread', event_id: event }
  await world.say(alice, room, { msgtype: 'm.text', body: `${MARKER} reply`, 'm.relates_to': relates })
  await must('PUT', `${inRoom}/typing/${alice.userId}`, { typing: true, timeout: 60_000 })
  await must('POST', `${inRoom}/receipt/m.read/${encodeURIComponent(event)}`, {})
  return event
}

async function plantBelongings({ api, alice, id }: ContractWorld, room: RoomId, must: Must) {
  const own = `${V3}/user/${alice.userId}`
  await must('PUT', `${own}/account_data/org.example.data`, { value: MARKER })
  await must('PUT', `${own}/rooms/${room}/account_data/org.example.data`, { value: MARKER })
  await must('PUT', `${own}/rooms/${room}/tags/u.${MARKER}`, { order: 0.5 })
  const filter = (await must('POST', `${own}/filter`, { room: { timeline: { types: [MARKER] } } })).filter_id as string
  await must('PUT', `${V3}/devices/${alice.deviceId}`, { display_name: `${MARKER} phone` })
  await must('PUT', `${V3}/pushrules/global/content/rule`, { actions: ['notify'], pattern: MARKER })
  await must('POST', `${V3}/pushers/set`, {
    ...{
      app_id: 'app',
      app_display_name: MARKER,
      device_display_name: MARKER,
      pushkey: 'key',
      kind: 'http',
      lang: 'en',
    },
    data: { url: `https://push.example.org/_matrix/push/v1/notify?${MARKER}` },
  })
  await must('PUT', `${V3}/presence/${alice.userId}/status`, { presence: 'online', status_msg: MARKER })
  await must('PUT', `${V3}/sendToDevice/org.example.message/${id('txn')}`, {
    messages: { [alice.userId]: { '*': { value: MARKER } } },
  })
  const backup = (
    await must('POST', `${V3}/room_keys/version`, {
      algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2',
      auth_data: { public_key: MARKER, signatures: {} },
    })
  ).version as string
  const session_data = { ciphertext: MARKER, ephemeral: 'e', mac: 'm' }
  const key = { first_message_index: 0, forwarded_count: 0, is_verified: true, session_data }
  await must('PUT', `${V3}/room_keys/keys/${room}/session?version=${backup}`, key)
  const uri = (await api.request('POST', '/_matrix/media/v3/upload', { as: alice, body: `${MARKER} file` })).body
    .content_uri
  const [serverName = '', mediaId = ''] = uri.slice('mxc://'.length).split('/')
  return { filter, backup, media: { serverName, mediaId } }
}
