import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, Pdu, RoomId, ServerName } from '@starling/protocol'
import { QuietLogger, TestClock, testCrypto } from '@starling/testkit'
import { twoServers } from '../../../test/two-servers.ts'
import { OutboxFullError } from './destination-rows.ts'
import { RemovalNotices, removedServer } from './removal-notices.ts'

const SELF = 'alpha.test' as ServerName

function notices(
  sent: string[],
  options: { readonly joined?: boolean; readonly fails?: () => Error | undefined } = {},
) {
  return new RemovalNotices({
    ground: { clock: new TestClock(), crypto: testCrypto, logger: new QuietLogger() },
    serverName: SELF,
    destinations: {
      addRequest: async (server, method, uri, content) => {
        const error = options.fails?.()
        if (error) throw error
        sent.push(
          `${server} ${method} ${(content.pdus as JsonObject[]).length} ${uri.replace(/member-.*/, 'member-…')}`,
        )
      },
    },
    isServerJoined: () => options.joined ?? false,
    carried: async ({ json }) => json,
  })
}

async function ban() {
  const { a, alice, bob, roomId } = await twoServers()
  const pdu = await a.pdu(await a.setMembership(roomId, alice, bob, 'ban'))
  return { a, roomId, row: { id: 7, roomId, pdu } }
}

test('the outbox row of a removal is in the batch of its event, and owes its server one notice', async () => {
  const { a, row } = await ban()
  const rows = await a.rooms.outbox.pending(100)
  assert.ok(
    rows.some(({ pdu }) => pdu.eventId === row.pdu.eventId),
    'a crash after the ban leaves what the notice is made from',
  )
  const sent: string[] = []
  const owing = notices(sent)
  await owing.owe(row)
  await owing.owe(row)
  assert.deepEqual(sent, ['beta.test PUT 1 /_matrix/federation/v1/send/member-…'], 'a row that waits is noted once')
})

test('also where nobody else is in the room: an invite that is taken back leaves its row', async () => {
  const { a, bob, roomId, alice } = await twoServers()
  const room: RoomId = await a.createRoom(alice)
  await a.setMembership(room, alice, bob, 'invite')
  const back = await a.setMembership(room, alice, bob, 'leave')
  assert.ok((await a.rooms.outbox.pending(100)).some(({ pdu }) => pdu.eventId === back))
  assert.ok(roomId)
})

test('a server with another user in the room needs no notice; nor do own users, nor leaves of one’s own', async () => {
  const { row } = await ban()
  const sent: string[] = []
  await notices(sent, { joined: true }).owe(row)
  assert.deepEqual(sent, [])
  const event = (change: object) => ({ ...row.pdu, ...change }) as Pdu
  assert.equal(removedServer(row.pdu, SELF), 'beta.test')
  assert.equal(removedServer(event({ stateKey: `@x:${SELF}` }), SELF), undefined)
  assert.equal(removedServer(event({ sender: '@y:beta.test' }), SELF), undefined)
  assert.equal(removedServer(event({ content: { membership: 'invite' } }), SELF), undefined)
  assert.equal(removedServer(event({ type: 'm.room.name' }), SELF), undefined)
})

test('a store that fails leaves the row, a full outbox does not stop the others', async () => {
  const { row } = await ban()
  const sent: string[] = []
  await assert.rejects(notices(sent, { fails: () => new Error('disk') }).owe(row), { message: 'disk' })
  await notices(sent, { fails: () => new OutboxFullError('full') }).owe(row)
})
