import type { FuzzWorld } from './fuzz-world.ts'
import { fittingEvent, withKeys } from './hostile-events.ts'
import { REQUEST_PROTOCOL, signedFrame } from './hostile-requests.ts'

const utf8 = new TextEncoder()

/** The attackers whom a mutant took out of a room join it again, as `send_join` allows anybody in these rooms. */
export async function rejoin(world: FuzzWorld): Promise<void> {
  for (const { room, node } of world.out.splice(0)) {
    await world.refresh(room)
    const draft = { type: 'm.room.member', stateKey: node.userId, sender: node.userId, content: { membership: 'join' } }
    const frame = signedFrame(
      {
        ...{ method: 'PUT', origin: node.serverName, destination: world.victim.serverName },
        uri: `/_matrix/federation/v2/send_join/${encodeURIComponent(room.roomId)}/%24x`,
        content: withKeys(fittingEvent(world, room, node, draft), world, node),
        origin_server_ts: world.time.now(),
        nonce: Buffer.from(world.random.bytes(16)).toString('base64url'),
      },
      node,
    )
    await world.victim.host.serve(node.host.peerId, REQUEST_PROTOCOL, utf8.encode(JSON.stringify(frame)))
  }
}
