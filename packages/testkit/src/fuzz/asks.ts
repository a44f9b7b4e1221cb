import type { ByteStream } from '@starling/federation'
import { FILE_ID, type FuzzNode } from './fuzz-node.ts'
import type { FuzzWorld, RoomView } from './fuzz-world.ts'
import { guarded } from './mutants.ts'
import type { Random } from './random.ts'

type Ask = (world: FuzzWorld, server: FuzzNode, room: RoomView) => Promise<unknown>

/** What the node under attack asks a hostile server, whose answers are bent: the reading side of every operation. */
const ASKS: Readonly<Record<string, Ask>> = {
  reconcile: ({ victim }, server) => victim.exchange.reconcile(server.serverName),
  history: ({ victim }, _server, { roomId, extremities }) =>
    victim.exchange.fetchHistory(roomId, extremities.slice(0, 3), 50),
  profile: ({ victim }, server) => victim.net.remoteServers.profile(server.userId),
  devices: ({ victim }, server) => victim.net.remoteServers.devices(server.userId),
  query_keys: ({ victim }, { serverName, userId }) =>
    victim.net.remoteServers.queryKeys(serverName, { device_keys: { [userId]: [] } }),
  claim_keys: ({ victim }, { serverName, userId }) =>
    victim.net.remoteServers.claimKeys(serverName, { one_time_keys: { [userId]: { D: 'signed_curve25519' } } }),
  alias: ({ victim }, { serverName }) => victim.net.remoteServers.resolveAlias(`#a:${serverName}` as never),
  public_rooms: ({ victim }, { serverName }) => victim.net.remoteServers.publicRooms(serverName, { limit: 5 }),
  keys: ({ victim, friend }, { host }) => victim.net.keysProtocol.fetch(host.peerId, [friend.serverName]),
  media: readMedia,
  join: enter('join'),
  knock: enter('knock'),
}

export function askHostileServer(world: FuzzWorld): Promise<string> {
  const { random } = world
  const name = random.pick(Object.keys(ASKS))
  const ask = ASKS[name] as Ask
  return guarded(world, `ask ${name}`, async () => {
    await ask(world, random.pick(world.members), random.pick(world.rooms))
    return 'answered'
  })
}

async function readMedia({ victim }: FuzzWorld, { serverName }: FuzzNode): Promise<void> {
  const media = await victim.net.remoteServers.media(serverName, FILE_ID)
  if (!media) return
  for await (const _chunk of media.bytes);
}

/** Into the trap and out of it again, by answers that are bent on the way. */
function enter(membership: 'join' | 'knock'): Ask {
  return async ({ victim, members, trap }) => {
    const change = { roomId: trap, sender: victim.userId, target: victim.userId }
    const via = [members[0].serverName]
    try {
      await victim.exchange.changeMembership({ ...change, membership, via })
    } finally {
      const now = (await victim.rooms.reader.membership(trap, victim.userId))?.membership
      if (now !== undefined && now !== 'leave')
        await victim.exchange.changeMembership({ ...change, membership: 'leave' })
    }
  }
}

/** The media stream of a hostile server: a header and bytes, some of them lies. */
export async function hostileMedia(random: Random, stream: ByteStream): Promise<void> {
  await stream.read()
  const size = random.pick([0, 5, 100_000, 2 ** 40])
  const header = Buffer.from(
    JSON.stringify(
      random.pick<object>([
        { status: 200, size, content_type: 'image/png', from: 0, to: size },
        { status: 404 },
        { status: 'x' },
        { status: 200, size: -1 },
      ]),
    ),
  )
  const frame = Buffer.alloc(4 + header.length)
  frame.writeUInt32BE(random.pick([header.length, header.length, header.length, 0, 5_000, 0xffffffff]))
  header.copy(frame, 4)
  await stream.write(frame)
  await stream.write(random.bytes(random.pick([1, 5, 2_000])))
  await stream.closeWrite()
}
