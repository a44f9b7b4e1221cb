import type { RoomId, UserId } from '@starling/protocol'
import { openStoppedNode } from './stopped-node.ts'

/** Rooms made, or messages sent, before their outcome is waited for. */
const AT_ONCE = 200
/** More than a client's first sync shows of each room. */
const MESSAGES_IN_EACH = 12

/** Stands in every message of the long room. */
export const COMMON_WORD = 'starlings'
/** Stands in every ten thousandth. */
export const RARE_WORD = 'murmuration'
const RARE_EVERY = 10_000
const WORDS = 'flock field evening wing river roof winter song wire chimney south cloud turn seed hedge light'.split(
  ' ',
)

export interface FilledRooms {
  /** As many rooms as were asked for, by the user who is in them; each is shared with `writer`. */
  readonly rooms: ReadonlyMap<UserId, readonly RoomId[]>
  /** A room of `writer` with that many messages. */
  readonly longRoom: RoomId
}

/** Fills the store of a node that is stopped, through the engine and as its local users would: signed, judged and durable. */
export async function fillRooms(
  dataDir: string,
  peerId: string,
  wish: { readonly writer: UserId; readonly rooms: ReadonlyMap<UserId, number>; readonly messages: number },
): Promise<FilledRooms> {
  await using node = await openStoppedNode(dataDir, peerId)
  const { engine } = node
  const say = (roomId: RoomId, sender: UserId, body: string) =>
    engine.send({ roomId, sender, type: 'm.room.message', content: { msgtype: 'm.text', body } })

  const roomOf = async (userId: UserId, name: string): Promise<RoomId> => {
    const roomId = await engine.create({
      creator: wish.writer,
      roomVersion: '12',
      creationContent: {},
      events: [
        { type: 'm.room.power_levels', stateKey: '', content: { users: {} } },
        { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'invite' } },
        { type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: 'shared' } },
        { type: 'm.room.guest_access', stateKey: '', content: { guest_access: 'can_join' } },
        { type: 'm.room.name', stateKey: '', content: { name } },
        { type: 'm.room.member', stateKey: userId, content: { membership: 'invite' } },
      ],
    })
    const content = { membership: 'join' }
    await engine.send({ roomId, sender: userId, type: 'm.room.member', stateKey: userId, content })
    for (let n = 0; n < MESSAGES_IN_EACH; n++) await say(roomId, wish.writer, `${name}, message number ${n}`)
    return roomId
  }

  const rooms = new Map<UserId, readonly RoomId[]>()
  for (const [userId, count] of wish.rooms) {
    rooms.set(userId, await inBatches(count, (n) => roomOf(userId, `Room ${n}`)))
  }
  const longRoom = await engine.create({ creator: wish.writer, roomVersion: '12', creationContent: {}, events: [] })
  await inBatches(wish.messages, (n) => say(longRoom, wish.writer, sentence(n)))
  return { rooms, longRoom }
}

function sentence(n: number): string {
  const word = (step: number) => WORDS[Math.floor(n / step) % WORDS.length]
  const rare = n % RARE_EVERY === 0 ? ` ${RARE_WORD}` : ''
  return `message ${n}: the ${COMMON_WORD} over the ${word(1)} and the ${word(16)}, ${word(256)} by ${word(4096)}${rare}`
}

async function inBatches<T>(count: number, one: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let start = 0; start < count; start += AT_ONCE) {
    const size = Math.min(AT_ONCE, count - start)
    results.push(...(await Promise.all(Array.from({ length: size }, (_, n) => one(start + n)))))
  }
  return results
}
