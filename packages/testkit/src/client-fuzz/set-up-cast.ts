import type { Cast } from './cast.ts'
import type { HonestClient } from './honest-client.ts'
import type { Stage } from './served-api.ts'
import type { ServerHandle } from './server-handle.ts'

const V3 = '/_matrix/client/v3'
const SLIDING = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
const EXTENSIONS = ['to_device', 'e2ee', 'account_data', 'receipts', 'typing']

/**
 * New people, a room that they are in, an event, a file, a filter, a key backup, device keys: what mutated requests are about. Again and
 * again, as they log people out, ban them and delete things.
 */
export async function setUpCast(
  cast: Cast,
  server: ServerHandle,
  honest: HonestClient,
  stage: Stage,
  round: number,
): Promise<void> {
  const owner = await server.ask('person', 'owner')
  const alice = await server.ask('person', `alice${round}`)
  const bob = await server.ask('person', `bob${round}`)
  // Who made the room may do the most, and reaches the most.
  cast.people = [alice, alice, alice, bob, bob, owner]
  const { room_id: roomId } = await honest.must('POST', `${V3}/createRoom`, alice, {
    ...{ preset: 'public_chat', name: 'Fuzzed', room_alias_name: `room${round}`, invite: [bob.userId] },
    ...{ visibility: 'public', room_version: ['12', '11', '6', '1'][round % 4] },
  })
  const inRoom = (...rest: readonly string[]) => `${V3}/rooms/${[roomId, ...rest].map(encodeURIComponent).join('/')}`
  await honest.must('POST', inRoom('join'), bob, {})
  const message = { msgtype: 'm.text', body: 'pangolins' }
  const { event_id: eventId } = await honest.must(
    'PUT',
    inRoom('send', 'm.room.message', `setup${round}`),
    bob,
    message,
  )
  const filter = { room: { timeline: { limit: 10, lazy_load_members: true } } }
  const { filter_id: filterId } = await honest.must('POST', `${V3}/user/${alice.userId}/filter`, alice, filter)
  const backup = { algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2', auth_data: { public_key: 'AAAA' } }
  const { version } = await honest.must('POST', `${V3}/room_keys/version`, alice, backup)
  const { next_batch: position } = await honest.must('GET', `${V3}/sync?timeout=0`, alice)
  const { content_uri: uri } = await honest.must(
    'POST',
    '/_matrix/media/v3/upload?filename=a.txt',
    alice,
    Buffer.from('text'),
  )
  cast.put('room', roomId)
  cast.put('event', eventId)
  cast.put('alias', `#room${round}:${stage.serverName}`)
  cast.put('filter', filterId)
  cast.put('backup', version)
  cast.put('position', position)
  cast.put('media', stage.fileElsewhere, uri.slice(uri.lastIndexOf('/') + 1))
  cast.put('user', alice.userId, bob.userId, owner.userId, `@p2p:${stage.elsewhere}`)
  cast.put('device', alice.deviceId, bob.deviceId)
  cast.put('server', stage.serverName)
  cast.put('elsewhere', stage.elsewhere)
  cast.put('farroom', stage.roomElsewhere)
  cast.put('site', stage.site)
}

/** What is left of a room and an account after all that was done to them is shown to the client of whoever they belong to. */
export async function aftermath(cast: Cast, server: ServerHandle, honest: HonestClient): Promise<void> {
  const userId = cast.people[0]?.userId ?? ''
  const alice = await server.ask('sessionOf', userId)
  if (!alice) return
  const { next_batch: since, rooms } = await honest.must('GET', `${V3}/sync?timeout=0`, alice)
  await honest.must('GET', `${V3}/sync?timeout=0&full_state=true&since=${encodeURIComponent(since)}`, alice)
  const lists = { all: { ranges: [[0, 99]], timeline_limit: 20, required_state: [['*', '*']] } }
  const extensions = Object.fromEntries(EXTENSIONS.map((name) => [name, { enabled: true }]))
  await honest.must('POST', SLIDING, alice, { lists, extensions })
  await honest.must('GET', `${V3}/publicRooms?limit=50`, alice)
  await honest.must('GET', `${V3}/notifications`, alice)
  await honest.must('GET', `${V3}/pushrules/`, alice)
  for (const roomId of Object.keys(rooms?.join ?? {}).slice(0, 5)) {
    const inRoom = `rooms/${encodeURIComponent(roomId)}`
    await honest.must('GET', `${V3}/${inRoom}/messages?dir=b&limit=100`, alice)
    await honest.must('GET', `${V3}/${inRoom}/members`, alice)
    await honest.must('GET', `${V3}/${inRoom}/state`, alice)
    await honest.must('GET', `/_matrix/client/v1/${inRoom}/hierarchy`, alice)
    await honest.must('GET', `/_matrix/client/v1/${inRoom}/threads`, alice)
  }
}

/** An honest person logs in, makes a room, speaks and reads it. @throws HonestClientError where that no longer works. */
export async function probe(server: ServerHandle, honest: HonestClient, round: string): Promise<void> {
  const person = await server.ask('person', `honest${round}`)
  const { next_batch: since } = await honest.must('GET', `${V3}/sync?timeout=0`, person)
  const { room_id: roomId } = await honest.must('POST', `${V3}/createRoom`, person, {})
  const path = `${V3}/rooms/${encodeURIComponent(roomId)}/send/m.room.message/t`
  const { event_id: eventId } = await honest.must('PUT', path, person, { msgtype: 'm.text', body: 'still there' })
  const { rooms } = await honest.must('GET', `${V3}/sync?timeout=0&since=${encodeURIComponent(since)}`, person)
  const events = rooms?.join?.[roomId]?.timeline.events ?? []
  if (!events.some((event) => event.event_id === eventId)) throw new HonestLoss(`sync tells nothing of ${eventId}`)
}

/** What was acknowledged did not arrive. */
export class HonestLoss extends Error {
  override readonly name = 'HonestLoss'
}
