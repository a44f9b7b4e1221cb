import type { FuzzNode } from './fuzz-node.ts'
import type { FuzzWorld, RoomView } from './fuzz-world.ts'
import { userOf } from './hostile-events.ts'
import { type LooseObject, mutateJson } from './mutate-json.ts'

type Edu = (world: FuzzWorld, room: RoomView, user: string) => LooseObject

const EDUS: readonly Edu[] = [
  (_world, { roomId }, user) => ({ edu_type: 'm.typing', content: { room_id: roomId, user_id: user, typing: true } }),
  (world, { roomId, known }, user) => ({
    edu_type: 'm.receipt',
    content: { [roomId]: { 'm.read': { [user]: { event_ids: [known[0] ?? '$x'], data: { ts: world.time.now() } } } } },
  }),
  (_world, _room, user) => ({
    edu_type: 'm.presence',
    content: {
      push: [{ user_id: user, presence: 'online', last_active_ago: 5, status_msg: 'x', currently_active: true }],
    },
  }),
  (world, _room, user) => ({
    edu_type: 'm.direct_to_device',
    content: {
      sender: user,
      type: 'm.x',
      message_id: `m${world.random.below(1e9)}`,
      messages: { [world.victim.userId]: { '*': { a: 1 } } },
    },
  }),
  (_world, _room, user) => ({
    edu_type: 'm.device_list_update',
    content: {
      user_id: user,
      device_id: 'D',
      stream_id: 5,
      prev_id: [4],
      keys: { user_id: user, keys: {}, signatures: {} },
    },
  }),
  (_world, _room, user) => ({ edu_type: 'm.signing_key_update', content: { user_id: user, master_key: { keys: {} } } }),
  (_world, _room, user) => ({ edu_type: 'x.unknown', content: { user_id: user } }),
]

/** EDUs of users that the server has, or has not; most of them bent. */
export function hostileEdus(world: FuzzWorld, room: RoomView, from: FuzzNode): LooseObject[] {
  const { random } = world
  return Array.from({ length: random.pick([1, 1, 2, 5, 100, 101]) }, () => {
    const user = random.chance(0.8) ? userOf(from, random) : world.friend.userId
    const edu = random.pick(EDUS)(world, room, user)
    return random.chance(0.7) ? mutateJson(edu, random) : edu
  })
}
