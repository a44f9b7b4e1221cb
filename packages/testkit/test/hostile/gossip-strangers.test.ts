import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { RoomId, ServerName } from '@starling/protocol'
import { eventually } from '@starling/testkit'
import { OpenNode } from '../../src/hostile/open-node.ts'
import { messageIdOf, StockStranger, topicOfRoom } from '../../src/hostile/stock-stranger.ts'
import { joinWhenInvited, openPrivateRoom, say } from './private-room.ts'

/**
 * Bad input 69 on whole nodes over real libp2p: somebody with stock libp2p and stock gossipsub, who was told the room's id, tries
 * each way there is to read along. Every attack runs against a node as its users run it, and, as the twin that shows that
 * it would work, against nodes that admit everybody.
 */
/** One who is in the room, whatever kind of node it is. */
interface Member {
  readonly peer: string
  readonly addresses: readonly string[]
  readonly server: ServerName
  say(body: string): Promise<unknown>
  has(body: string): Promise<boolean>
}

interface Scene {
  readonly members: readonly [Member, Member]
  readonly stranger: StockStranger
  readonly topic: string
  /** Bytes of the message with this text as they went over the topic. */
  packed(body: string): Promise<Uint8Array>
  /** One says it, the other has it. */
  talk(from: 0 | 1, body: string): Promise<void>
}

type Attack = (scene: Scene) => Promise<void>

const SECRET = 'the tide turns at five'

const ATTACKS: Readonly<Record<string, Attack>> = {
  async 'subscribes and waits for what is published, forwarded and gossiped'({ stranger, topic, talk }) {
    stranger.subscribe(topic)
    await stranger.heartbeats()
    await talk(0, SECRET)
    await talk(1, `${SECRET} too`)
    await stranger.heartbeats()
  },
  async 'grafts itself into the mesh'({ members, stranger, topic, talk }) {
    for (const { peer } of members) stranger.graft(peer, topic)
    await stranger.heartbeats()
    await talk(0, SECRET)
    await talk(1, `${SECRET} too`)
    await stranger.heartbeats()
  },
  async 'asks by IWANT for messages whose ids it was told'({ members, stranger, topic, talk, packed }) {
    await talk(0, SECRET)
    const id = messageIdOf(topic, await packed(SECRET))
    for (const { peer } of members) stranger.iwant(peer, [id])
    await stranger.heartbeats()
  },
}

// Side by side: each waits for heartbeats most of the time.
suite('strangers with stock gossipsub', { concurrency: 3 }, () => {
  for (const [attack, run] of Object.entries(ATTACKS)) {
    test(`bad input 69: on whole nodes a stranger that ${attack} receives nothing`, async () => {
      await using things = new AsyncDisposableStack()
      const scene = await openScene(things, await realMembers(things))
      await run(scene)
      assert.deepEqual(scene.stranger.heard, [])
      assert.deepEqual(
        scene.stranger.told.filter((line) => line.endsWith(scene.topic)),
        [],
      )
    })

    test(`bad input 69, twin: where everybody is admitted, a stranger that ${attack} reads along`, async () => {
      await using things = new AsyncDisposableStack()
      const scene = await openScene(things, await openMembers(things))
      await run(scene)
      await eventually('the stranger reads', () => scene.stranger.heard.some((text) => text.includes(SECRET)))
    })
  }
})

interface Members {
  readonly members: readonly [Member, Member]
  readonly roomId: RoomId
  /** The second one: in this process, so that what went over the topic can be packed again. */
  readonly open: OpenNode
}

async function openScene(things: AsyncDisposableStack, { members, roomId, open }: Members): Promise<Scene> {
  const stranger = things.use(await StockStranger.start())
  for (const { addresses } of members) await stranger.meet(addresses)
  return {
    ...{ members, stranger },
    topic: topicOfRoom(roomId),
    async packed(body) {
      const pdu = await open.heard(roomId, body)
      assert.ok(pdu)
      return open.net.roomGossip.packed(pdu)
    },
    async talk(from, body) {
      await members[from].say(body)
      await eventually('the other member has it', () => members[1 - from]?.has(body))
    },
  }
}

/** A node in a process of its own, as users run it, and a friend with every defence on. */
async function realMembers(things: AsyncDisposableStack): Promise<Members> {
  const { node, client, server, friend, roomId } = await openPrivateRoom(things)
  const member: Member = {
    ...{ server, peer: node.info.peer_id, addresses: node.info.multiaddrs },
    say: (body) => say(client, roomId, body),
    has: async (body) => (await client.wholeRoom(roomId)).some(({ content }) => content.body === body),
  }
  return { members: [member, memberOf(friend, roomId)], roomId, open: friend }
}

/** Two nodes that admit everybody to every topic. */
async function openMembers(things: AsyncDisposableStack): Promise<Members> {
  const defences = { admission: 'off' } as const
  const host = things.use(await OpenNode.start({ defences }))
  const open = things.use(await OpenNode.start({ defences }))
  const server = await open.meet(host.host.transport.multiaddrs())
  const roomId = await host.createRoom()
  await host.invite(roomId, open.userId)
  await joinWhenInvited(open, roomId, server)
  return { members: [memberOf(host, roomId), memberOf(open, roomId)], roomId, open }
}

function memberOf(node: OpenNode, roomId: RoomId): Member {
  return {
    ...{ server: node.serverName, peer: node.host.peerId, addresses: node.host.transport.multiaddrs() },
    say: (body) => node.say(roomId, body),
    has: async (body) => (await node.heard(roomId, body)) !== undefined,
  }
}
