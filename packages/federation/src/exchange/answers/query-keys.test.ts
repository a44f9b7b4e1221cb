import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExchangeNetwork } from '../../../test/exchange-network.ts'

test('keys of third servers are told to those who share a room or are invited, to nobody else', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const [a, b, c] = [await network.add('a'), await network.add('b'), await network.add('c')]
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await network.settled()
  const keysOf = async (server: string) => {
    const { server_keys: keys } = await a.ask(c, 'GET', `/_matrix/key/v2/query/${server}`)
    return (keys as unknown[]).length
  }
  assert.deepEqual([await keysOf('a'), await keysOf('b')], [1, 0])

  await a.invite(roomId, c.user())
  assert.deepEqual([await keysOf('a'), await keysOf('b')], [1, 1])
})
