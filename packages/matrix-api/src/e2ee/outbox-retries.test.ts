import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '@starling/protocol'
import { startEncryption } from './testing/test-encryption.ts'

const BOB = '@bob:there.test' as UserId

/** An outbox that refuses `failures` times, and tells of what it took in the end. */
function unwilling<Message>(failures: number) {
  const tries: Message[] = []
  let took: (message: Message) => void = () => undefined
  const taken = new Promise<Message>((resolve) => {
    took = resolve
  })
  const take = async (message: Message) => {
    tries.push(message)
    if (tries.length <= failures) throw new Error('disk full')
    took(message)
  }
  return { tries, taken, take }
}

test('what the outbox refuses is tried again without anything else happening: to-device messages', async () => {
  await using here = await startEncryption({ retryMs: 1 })
  const alice = await here.user('alice', 'A')
  const outbox = unwilling<{ messageId: string }>(3)
  Object.assign(here.link.outbound, { toDevice: outbox.take })
  const body = { messages: { [BOB]: { '*': {} } } }
  const sent = await here.api.request('PUT', '/_matrix/client/v3/sendToDevice/m.test/t', { as: alice, body })
  assert.equal(sent.status, 200)
  const { messageId } = await outbox.taken
  assert.deepEqual(
    outbox.tries.map((message) => message.messageId),
    [messageId, messageId, messageId, messageId],
  )
})

test('what the outbox refuses is tried again without anything else happening: device lists', async () => {
  await using here = await startEncryption({ retryMs: 1 })
  const outbox = unwilling<{ device_id: string }>(2)
  Object.assign(here.link.outbound, { deviceListUpdate: outbox.take })
  await here.client('alice', 'A')
  assert.equal((await outbox.taken).device_id, 'A')
  assert.equal(outbox.tries.length, 3)
})
