import { randomBytes } from 'node:crypto'
import type { Requester } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { Position } from '../ports.ts'
import { LruCache } from '../rooms/lru-cache.ts'
import { formatSlidingPos } from '../rooms/position-token.ts'
import { Connection, type Draft, type Turn } from './connection.ts'

/**
 * Connections per device (clients have two or three), and devices with any: the longest unused are dropped first. What is
 * dropped answers `M_UNKNOWN_POS`, and the client starts that connection anew.
 */
const MAX_PER_DEVICE = 16
const MAX_DEVICES = 1_000

/** All sync loops, in memory: after a restart every client starts anew, which costs it one first page. */
export class Connections {
  readonly #devices = new LruCache<string, LruCache<string, Connection>>(MAX_DEVICES)
  /** In every `pos`, so that none from before a restart is taken for one of now. */
  readonly #epoch = randomBytes(6).toString('hex')
  #answers = 0

  /** @throws MatrixError 400 `M_UNKNOWN_POS`. Without `pos` a new connection takes the place of the one of that name. */
  begin(requester: Requester, connId: string, pos: string | undefined): { connection: Connection; turn: Turn } {
    const device = this.#device(requester)
    let connection = device.get(connId)
    if (pos === undefined) {
      connection?.close()
      connection = new Connection()
      device.set(connId, connection)
    }
    const turn = connection?.begin(pos)
    if (!connection || !turn) throw unknownPos()
    return { connection, turn }
  }

  /** The `pos` of the finished answer. @throws MatrixError where the client has asked anew meanwhile. */
  offer(connection: Connection, turn: Turn, draft: Draft, position: Position): string {
    this.#answers += 1
    const pos = formatSlidingPos(position, `${this.#epoch}${this.#answers.toString(36)}`)
    if (!connection.offer(turn, draft, pos, position)) throw unknownPos()
    return pos
  }

  #device({ userId, deviceId }: Requester): LruCache<string, Connection> {
    const key = `${userId} ${deviceId}`
    let device = this.#devices.get(key)
    if (!device) {
      device = new LruCache(MAX_PER_DEVICE)
      this.#devices.set(key, device)
    }
    return device
  }
}

function unknownPos(): MatrixError {
  return new MatrixError(400, 'M_UNKNOWN_POS', 'This position is not known: start the connection anew')
}
