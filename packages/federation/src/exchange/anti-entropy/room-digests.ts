import type { EventId, RoomId, ServerName, Sha256 } from '@starling/protocol'
import { encodeBase64Url } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import { LruMap } from '../../store/lru-map.ts'

/** Hashes of room ids that are kept; the least recently used is computed again. */
const HASHES_KEPT = 20_000

interface Digest {
  readonly extremities: readonly EventId[]
  readonly dead: readonly EventId[]
  readonly digest: string
}

/**
 * Names rooms by the hash of their id and the ends of their DAG by a digest, so that who compares them learns nothing of rooms that
 * it is not in. Both are 128 bits of SHA-256 in URL-safe base64. Many rooms are gathered in 64 groups by the first character of
 * their hash: comparing 5,000 rooms of which none differs takes one request of 2 KiB.
 */
export class RoomDigests {
  readonly #engine: RoomEngine
  readonly #sha256: Sha256
  readonly #hashes = new LruMap<RoomId, string>(HASHES_KEPT)
  readonly #digests = new LruMap<RoomId, Digest>(HASHES_KEPT)

  constructor(engine: RoomEngine, sha256: Sha256) {
    this.#engine = engine
    this.#sha256 = sha256
  }

  /** Rooms in which both this server and the other have joined users, by hash. */
  async shared(server: ServerName): Promise<ReadonlyMap<string, RoomId>> {
    const rooms = new Map<string, RoomId>()
    for (const roomId of await this.#engine.joinedRooms()) {
      if (this.#engine.isServerJoined(roomId, server)) rooms.set(this.#hashOf(roomId), roomId)
    }
    return rooms
  }

  /** Rooms that this server is in and the other, by the state here, is not, by hash. */
  async unshared(server: ServerName): Promise<ReadonlyMap<string, RoomId>> {
    const rooms = new Map<string, RoomId>()
    for (const roomId of await this.#engine.joinedRooms()) {
      if (!this.#engine.isServerJoined(roomId, server)) rooms.set(this.#hashOf(roomId), roomId)
    }
    return rooms
  }

  /** Of all leaves: refused ones too, since extremities follow from the whole set (decision 0017). */
  async digest(roomId: RoomId): Promise<string> {
    const extremities = await this.#engine.forwardExtremities(roomId)
    const dead = await this.#engine.deadLeaves(roomId)
    const known = this.#digests.get(roomId)
    if (known?.extremities === extremities && known.dead === dead) return known.digest
    const digest = this.#short([...extremities, ...dead].sort().join('\n'))
    this.#digests.set(roomId, { extremities, dead, digest })
    return digest
  }

  /** Group → digest of its rooms and theirs. */
  async buckets(rooms: ReadonlyMap<string, RoomId>): Promise<ReadonlyMap<string, string>> {
    const texts = new Map<string, string>()
    for (const hash of [...rooms.keys()].sort()) {
      const digest = await this.digest(rooms.get(hash) as RoomId)
      texts.set(bucketOf(hash), `${texts.get(bucketOf(hash)) ?? ''}${hash} ${digest}\n`)
    }
    return new Map([...texts].map(([bucket, text]) => [bucket, this.#short(text)]))
  }

  #hashOf(roomId: RoomId): string {
    const known = this.#hashes.get(roomId)
    if (known !== undefined) return known
    const hash = this.#short(roomId)
    this.#hashes.set(roomId, hash)
    return hash
  }

  #short(text: string): string {
    return encodeBase64Url(this.#sha256(new TextEncoder().encode(text)).subarray(0, 16))
  }
}

/** The group of a room hash: its first character, of 64. */
export function bucketOf(hash: string): string {
  return hash.slice(0, 1)
}
