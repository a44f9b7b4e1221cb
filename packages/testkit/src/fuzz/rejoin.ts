import type { FuzzWorld } from './fuzz-world.ts'
import { fittingEvent } from './hostile-events.ts'
import { signedFrame } from './hostile-requests.ts'
import { ask, guarded } from './mutants.ts'
import type { LooseObject } from './mutate-json.ts'

const utf8 = new TextEncoder()

/** The attackers whom a mutant took out of a room join it again, as `send_join` allows anybody in these rooms. */
export async function rejoin(world: FuzzWorld): Promise<void> {
  for (const { room, node } of world.out.splice(0)) {
    await world.refresh(room)
    const draft = { type: 'm.room.member', stateKey: node.userId, sender: node.userId, content: { membership: 'join' } }
    const serverKeys = node.keys.keyRing.ownServerKeys() as LooseObject
    const frame = signedFrame(
      {
        ...{ method: 'PUT', origin: node.serverName, destination: world.victim.serverName },
        uri: `/_matrix/federation/v2/send_join/${encodeURIComponent(room.roomId)}/%24x`,
        content: { ...fittingEvent(world, room, node, draft), server_keys: serverKeys },
        origin_server_ts: world.time.now(),
        nonce: Buffer.from(world.random.bytes(16)).toString('base64url'),
      },
      node,
    )
    const bytes = utf8.encode(JSON.stringify(frame))
    world.count(await guarded(world, 'rejoin', () => ask(world, node, bytes)))
  }
}
