import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes } from '@starling/node'
import type { RoomId, UserId } from '@starling/protocol'
import { openStoppedNode } from './stopped-node.ts'

const ROOMS = 20
/** Random bytes of one message; as base64 a third more, which the database's compression takes back. */
const MESSAGE_BYTES = 36_000
/** Messages of a usual size at the end of each room: what a client's first sync shows. */
const SMALL_AT_THE_END = 30
/** Messages sent before their outcome is waited for. */
const AT_ONCE = 200

/**
 * Fills the database of a node that is stopped with messages of its owner in twenty rooms, through the engine, until it takes so many
 * bytes on the disk. @returns the number of messages.
 */
export async function fillHistory(dataDir: string, owner: UserId, peerId: string, bytes: number): Promise<number> {
  const directory = join(dataDir, 'database')
  await using node = await openStoppedNode(dataDir, peerId)
  const { engine } = node
  const rooms: RoomId[] = []
  for (let n = 0; n < ROOMS; n++) {
    rooms.push(await engine.create({ creator: owner, roomVersion: '12', creationContent: {}, events: [] }))
  }
  let sent = 0
  while ((await sizeOf(directory)) < bytes) {
    const batch = Array.from({ length: AT_ONCE }, () => {
      // What makes it long stands beside its text: a search index of random words would be most of what is measured.
      const ballast = Buffer.from(randomBytes(MESSAGE_BYTES)).toString('base64')
      const content = { msgtype: 'm.text', body: `message number ${sent}`, 'org.example.ballast': ballast }
      const roomId = rooms[sent++ % ROOMS] as RoomId
      return engine.send({ roomId, sender: owner, type: 'm.room.message', content })
    })
    await Promise.all(batch)
  }
  for (let n = 0; n < ROOMS * SMALL_AT_THE_END; n++) {
    const content = { msgtype: 'm.text', body: `a message of the usual length, number ${n}` }
    await engine.send({ roomId: rooms[n % ROOMS] as RoomId, sender: owner, type: 'm.room.message', content })
  }
  return sent + ROOMS * SMALL_AT_THE_END
}

async function sizeOf(directory: string): Promise<number> {
  let size = 0
  for (const name of await readdir(directory)) {
    // The database removes files while it is counted.
    size += await stat(join(directory, name)).then(
      ({ size: bytes }) => bytes,
      () => 0,
    )
  }
  return size
}
