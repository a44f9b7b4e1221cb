import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { eventually, OwnerClient, StarlingProcess } from '@starling/testkit'
import { OpenNode } from '../../src/hostile/open-node.ts'
import { countedBy, HERMIT_FLAGS } from './private-room.ts'

/**
 * Bad input 68 on whole nodes over real libp2p: somebody advertises the rendezvous points of another, under the same display
 * name, while that other is away. Who searches is led to the impostor and must see nobody, send it nothing and tell it nothing.
 */
const NAME = 'Anna'
const SUFFIXES = [7, 8, 9, 10] as const

/** The points of a person of that name on that server (DESIGN section 4). */
const pointsOf = (server: string) => [
  `p2p:${server}`,
  ...SUFFIXES.map((length) => `${NAME.toLowerCase()}:${server.slice(-length)}`),
]

suite('bad input 68: a rendezvous provider that is not who it claims to be', () => {
  const things = new AsyncDisposableStack()
  let seeker: StarlingProcess
  let client: OwnerClient
  /** Away: known by name only. */
  let anna: { readonly server: string; readonly userId: string }
  let impostor: OpenNode

  before(async () => {
    const away = await OpenNode.start({ displayName: NAME })
    anna = { server: away.serverName, userId: away.userId }
    await away.stop()
    seeker = things.use(await StarlingProcess.start({ flags: HERMIT_FLAGS }))
    client = new OwnerClient(seeker.ownerSession())
    impostor = things.use(await OpenNode.start({ displayName: NAME }))
    await impostor.meet(seeker.info.multiaddrs)
    await claim(impostor, anna.server)
  })
  after(() => things.disposeAsync())

  const search = async (term: string): Promise<string[]> => {
    const { results } = await client.ok('POST', 'user_directory/search', { search_term: term, limit: 10 })
    return (results as { user_id: string }[]).map(({ user_id: userId }) => userId)
  }

  test('its own points lead to it: the claims have arrived, and honest ones are believed', async () => {
    const term = `${NAME}:${impostor.serverName.slice(-10)}`
    await eventually('the impostor is found as itself', async () => (await search(term)).includes(impostor.userId))
  })

  for (const length of SUFFIXES) {
    test(`bad input 68: it is not shown for another's name and ${length} characters`, async () => {
      assert.deepEqual(await search(`${NAME}:${anna.server.slice(-length)}`), [])
    })
  }

  test('bad input 68: it is not shown for the user id, the server name or the person of the other', async () => {
    for (const term of [anna.userId, anna.server, `@p2p:${anna.server}`]) assert.deepEqual(await search(term), [], term)
    assert.match(seeker.command('search', `${NAME}:${anna.server.slice(-8)}`).stdout, /^nobody found/)
  })

  test('bad input 68: it was seen for what it is, and an invite to the other does not go to it', async () => {
    assert.ok(((await countedBy(seeker))['rendezvous_liar suffix'] ?? 0) > 0)
    const { room_id: roomId } = await client.ok('POST', 'createRoom', { preset: 'private_chat' })
    const path = `rooms/${encodeURIComponent(String(roomId))}/invite`
    const { status } = await client.call('POST', path, { user_id: anna.userId })
    assert.notEqual(status, 500)
    assert.deepEqual(await impostor.rooms.reader.roomsOf(impostor.userId), [])
    assert.deepEqual(await impostor.rooms.engine.joinedRooms(), [])
  })

  test('twin: where suffixes are not compared, the impostor is shown as the other', async () => {
    await using credulous = await OpenNode.start({ defences: { suffixCheck: 'off' } })
    await impostor.meet(credulous.host.transport.multiaddrs())
    await claim(impostor, anna.server)
    const found = await eventually('somebody is found', async () => {
      const users = await credulous.net.userSearch.search(`${NAME}:${anna.server.slice(-8)}`, 10)
      return users.length > 0 ? users : undefined
    })
    assert.deepEqual(
      found.map(({ userId }) => userId),
      [impostor.userId],
    )
  })
})

/** Advertises the points of another beside its own. */
function claim(impostor: OpenNode, victim: string): Promise<void> {
  return impostor.host.rendezvous.advertise([...pointsOf(impostor.serverName), ...pointsOf(victim)])
}
