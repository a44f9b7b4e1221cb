import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EventId, RoomId, ServerName } from '@starling/protocol'
import { eventually, OwnerClient, PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'
import { OpenNode } from '../../src/hostile/open-node.ts'

/** What nobody outside may come to know. */
export const SECRET = 'meet me at the old mill'
export const ROOM_NAME = 'The conspiracy'

/** A flag set for a node that only these tests meet. */
export const HERMIT_FLAGS: readonly string[] = [
  ...PRIVATE_FLAGS,
  ...['--mdns', 'off', '--p2p-listen', '/ip4/127.0.0.1/tcp/0', '--rate-limits', 'off'],
]

/** A private room on a node as its users run it, with a friend in it and a message. */
export interface PrivateRoom {
  readonly node: StarlingProcess
  readonly client: OwnerClient
  readonly server: ServerName
  /** In the room, every defence on. */
  readonly friend: OpenNode
  readonly roomId: RoomId
  readonly eventId: EventId
}

export async function openPrivateRoom(things: AsyncDisposableStack): Promise<PrivateRoom> {
  const node = things.use(await StarlingProcess.start({ flags: HERMIT_FLAGS }))
  const friend = things.use(await OpenNode.start({ displayName: 'Friend' }))
  const server = await friend.meet(node.info.multiaddrs)
  const client = new OwnerClient(node.ownerSession())
  const options = { preset: 'private_chat', name: ROOM_NAME, invite: [friend.userId] }
  const roomId = String((await client.ok('POST', 'createRoom', options)).room_id) as RoomId
  await joinWhenInvited(friend, roomId, server)
  const eventId = await say(client, roomId, SECRET)
  await eventually('the friend has it', () => friend.heard(roomId, SECRET))
  return { node, client, server, friend, roomId, eventId }
}

let messages = 0

export async function say(client: OwnerClient, roomId: RoomId, body: string): Promise<EventId> {
  const path = `rooms/${encodeURIComponent(roomId)}/send/m.room.message/say${messages++}`
  return String((await client.ok('PUT', path, { msgtype: 'm.text', body })).event_id) as EventId
}

export async function joinWhenInvited(node: OpenNode, roomId: RoomId, via: ServerName): Promise<void> {
  await eventually('the invite is there', async () => {
    return (await node.rooms.reader.membership(roomId, node.userId))?.membership === 'invite'
  })
  await node.join(roomId, via)
}

/** What the running node counted as refused, and why: `label code` → how often. */
export async function countedBy(node: StarlingProcess): Promise<Readonly<Record<string, number>>> {
  const { url, token } = JSON.parse(readFileSync(join(node.dataDir, 'control.json'), 'utf8')) as ControlFile
  const response = await fetch(`${url}/_starling/v1/control/status`, { headers: { authorization: `Bearer ${token}` } })
  return ((await response.json()) as { counters: Record<string, number> }).counters
}

interface ControlFile {
  readonly url: string
  readonly token: string
}
