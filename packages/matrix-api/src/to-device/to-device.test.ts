import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, ServerName, UserId } from '@starling/protocol'
import { otherServer } from '../e2ee/testing/other-server.ts'
import { startEncryption, type TestEncryption } from '../e2ee/testing/test-encryption.ts'
import { MemoryStore } from '../testing/memory-store.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import type { TestUser } from '../testing/test-api.ts'
import { Inbox } from './inbox.ts'

const SEND = '/_matrix/client/v3/sendToDevice'
const BOB = '@bob:there.test' as UserId

function send(here: TestEncryption, as: TestUser, txnId: string, messages: JsonObject, type = 'm.test') {
  return here.api.request('PUT', `${SEND}/${type}/${txnId}`, { as, body: { messages } })
}

async function waiting({ encryption }: Pick<TestEncryption, 'encryption'>, userId: string, deviceId: string) {
  const messages = await encryption.inbox.messages(userId as UserId, deviceId, 0, Number.MAX_SAFE_INTEGER, 100)
  return messages.map(({ event }) => event)
}

test('a message waits for the device that it is for until that has it', async () => {
  await using here = await startEncryption()
  const [alice, bob] = [await here.user('alice', 'A'), await here.user('bob', 'B1')]
  await here.user('bob', 'B2')
  const answer = await send(here, alice, 't1', { [bob.userId]: { B1: { n: 1 } } })
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.body, {})
  expectMatchesSpec('sendToDevice', answer)
  await send(here, alice, 't2', { [bob.userId]: { B1: { n: 2 } } })
  const { inbox } = here.encryption
  const now = here.api.positions.current()
  const [first, second] = await inbox.messages(bob.userId, 'B1', 0, now, 100)
  assert.deepEqual(first?.event, { sender: alice.userId, type: 'm.test', content: { n: 1 } })
  assert.deepEqual(await waiting(here, bob.userId, 'B2'), [])
  assert.deepEqual(await inbox.messages(bob.userId, 'B1', 0, now, 1), [first], 'page by page')
  await inbox.deleteUpTo(bob.userId, 'B1', first?.position ?? 0)
  assert.deepEqual(await inbox.messages(bob.userId, 'B1', 0, now, 100), [second])
})

test('a message for * reaches every device, but for those with one of their own', async () => {
  await using here = await startEncryption()
  const alice = await here.user('alice', 'A')
  const bob = await here.user('bob', 'B1')
  await here.user('bob', 'B2')
  await send(here, alice, 't', { [bob.userId]: { '*': { to: 'all' }, B2: { to: 'b2' }, GONE: { to: 'nobody' } } })
  assert.deepEqual(
    (await waiting(here, bob.userId, 'B1')).map(({ content }) => content),
    [{ to: 'all' }],
  )
  assert.deepEqual(
    (await waiting(here, bob.userId, 'B2')).map(({ content }) => content),
    [{ to: 'b2' }],
  )
  assert.deepEqual(await waiting(here, bob.userId, 'GONE'), [])
})

test('bad input 14: the same transaction is sent once, also after a restart', async () => {
  const store = new MemoryStore()
  let bobId: string
  {
    await using here = await startEncryption({ store })
    const [alice, bob] = [await here.user('alice', 'A'), await here.user('bob', 'B')]
    bobId = bob.userId
    const messages = { [bob.userId]: { B: {} }, [BOB]: { '*': {} } }
    for (let round = 0; round < 3; round++) assert.equal((await send(here, alice, 't', messages)).status, 200)
    await Promise.all([1, 2, 3].map(() => send(here, alice, 'u', messages)))
    assert.equal((await waiting(here, bobId, 'B')).length, 2)
    assert.equal(here.link.sent.length, 2)
  }
  await using again = await startEncryption({ store })
  const alice = await again.user('alice', 'A')
  // Positions begin anew in this test's store, so that a second delivery would lie over the first: count both ways.
  await send(again, alice, 't', { [bobId]: { B: { second: true } }, [BOB]: { '*': {} } })
  assert.ok((await waiting(again, bobId, 'B')).every(({ content }) => !('second' in (content as JsonObject))))
  assert.equal(again.link.sent.length, 0)
  // The twin: under another id it is another message, so is the same id of another type or another device.
  await send(again, alice, 't', { [bobId]: { B: {} } }, 'm.other')
  await send(again, await again.user('alice', 'A2'), 't', { [BOB]: { '*': {} } })
  assert.equal(again.link.sent.length, 1)
})

test('messages of a wrong shape are 400 and nothing of them is sent', async () => {
  await using here = await startEncryption()
  const [alice, bob] = [await here.user('alice', 'A'), await here.user('bob', 'B')]
  for (const body of [
    {},
    { messages: [] },
    { messages: { [bob.userId]: [] } },
    { messages: { [bob.userId]: { B: 'text' } } },
    { messages: { [bob.userId]: { B: {} }, bob: { B: {} } } },
    { messages: { [bob.userId]: { B: { float: 1.5 } } } },
  ] as unknown as JsonObject[]) {
    const answer = await here.api.request('PUT', `${SEND}/m.test/t`, { as: alice, body })
    assert.equal(answer.status, 400, JSON.stringify(body))
  }
  assert.equal((await here.api.request('PUT', `${SEND}/m.test/t`, { body: { messages: {} } })).status, 401)
  assert.deepEqual(await waiting(here, bob.userId, 'B'), [])
})

test('messages for another server go out under one id and come in once', async () => {
  await using here = await startEncryption()
  const there = await otherServer(here)
  await there.client('bob', 'B1')
  await there.client('bob', 'B2')
  const alice = await here.user('alice', 'A')
  await send(here, alice, 't', { [BOB]: { '*': { n: 1 } } })
  const [sent] = here.link.sent
  const messageId = String(sent?.content.messageId)
  assert.ok(messageId.length <= 32)
  for (const device of ['B1', 'B2']) {
    assert.deepEqual(await waiting(there, BOB, device), [{ sender: alice.userId, type: 'm.test', content: { n: 1 } }])
  }
  const again = { origin: 'here.test' as ServerName, messageId, sender: alice.userId, type: 'm.test' }
  await there.encryption.forServers.deliverToDevice({ ...again, messages: { [BOB]: { B1: { n: 2 } } } })
  assert.equal((await waiting(there, BOB, 'B1')).length, 1)
})

test('bad input 45: a message from another server cannot speak for a third', async () => {
  await using here = await startEncryption()
  const bob = await here.user('bob', 'B')
  const deliver = (origin: string, messages: unknown = { [bob.userId]: { B: {} } }) =>
    here.encryption.forServers.deliverToDevice({
      origin: origin as ServerName,
      messageId: `${origin}-1`,
      sender: '@alice:there.test' as UserId,
      type: 'm.test',
      messages: messages as { [user: string]: { [device: string]: JsonObject } },
    })
  await deliver('evil.test')
  await deliver('here.test')
  for (const messages of [
    null,
    [],
    { [bob.userId]: 1 },
    { [bob.userId]: { B: 'x' } },
    { '@x:other.test': { B: {} } },
  ]) {
    await deliver('there.test', messages)
  }
  assert.deepEqual(await waiting(here, bob.userId, 'B'), [])
  // The twin: from the sender's own server it arrives.
  const sender = '@alice:there.test' as UserId
  const message = { origin: 'there.test' as ServerName, messageId: 'm2', sender, type: 'm.test' }
  await here.encryption.forServers.deliverToDevice({ ...message, messages: { [bob.userId]: { B: {} } } })
  assert.deepEqual(await waiting(here, bob.userId, 'B'), [{ sender, type: 'm.test', content: {} }])
})

test('a message that the outbox has not taken goes out after a restart, under the same id', async () => {
  const store = new MemoryStore()
  await using here = await startEncryption({ store })
  const alice = await here.user('alice', 'A')
  const outbound = here.link.outbound as unknown as { toDevice: (message: JsonObject) => Promise<void> }
  const ids: unknown[] = []
  outbound.toDevice = async ({ messageId }) => {
    ids.push(messageId)
    throw new Error('stopped')
  }
  assert.equal((await send(here, alice, 't', { [BOB]: { '*': {} } })).status, 200)
  await using again = await startEncryption({ store })
  assert.deepEqual(
    again.link.sent.map(({ content }) => content.messageId),
    ids,
  )
})

test('a full inbox loses the oldest of whoever fills it, and nothing of others', async () => {
  const store = new MemoryStore()
  const inbox = new Inbox(store, { maxMessages: 100, maxLength: 1_000_000 })
  const [bob, honest, flooder] = ['@bob:here.test', '@honest:x', '@flooder:y'] as UserId[] as [UserId, UserId, UserId]
  const add = async (position: number, sender: UserId) =>
    store.batch(await inbox.add(bob, 'B', position, { sender, type: 'm.test', content: { position } }))
  for (let position = 1; position <= 20; position++) await add(position, honest)
  for (let position = 21; position <= 500; position++) await add(position, flooder)
  const left = await inbox.messages(bob, 'B', 0, 1_000, 1_000)
  assert.ok(left.length <= 100)
  assert.equal(left.filter(({ event }) => event.sender === honest).length, 20)
  assert.deepEqual(left.at(-1)?.position, 500, 'the newest are there')
})
