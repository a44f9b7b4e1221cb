import type { AbortOptions, EventId, KeyValueStore, RoomId, ServerName } from '@starling/protocol'
import type { CheckedPdu, RoomEngine } from '../../contracts.ts'
import { Bucket } from '../../store/buckets.ts'
import { Table } from '../../store/table.ts'
import { limits } from '../limits.ts'
import type { EventFetcher } from './fetch-events.ts'

interface IncompleteRow {
  /** Servers that gave the redacted form or nothing. */
  readonly asked: readonly ServerName[]
}

interface IncompleteParts {
  readonly engine: RoomEngine
  readonly store: KeyValueStore
  readonly fetcher: EventFetcher
  /** Takes in an event that is not stored, or was rejected in its redacted form. */
  settle(checked: CheckedPdu, server: ServerName, options?: AbortOptions): Promise<unknown>
}

const table = new Table<[RoomId, EventId], IncompleteRow>(Bucket.incompleteEvent, ['text', 'text'])

/**
 * Events of which only the redacted form came, because their content did not match their hash: each further member that is met
 * is asked once for the whole one, until one has it or `incompleteAsked` have not. Rows are not flushed: one that a crash
 * takes back is written again, or asked about again. Of more than `incompleteKept`, or `incompletePerServer` because of one
 * server, the first noted are dropped.
 */
export class IncompleteEvents {
  readonly #parts: IncompleteParts
  readonly #rows = new Map<EventId, { readonly roomId: RoomId; asked: readonly ServerName[] }>()
  #loaded: Promise<void> | undefined

  constructor(parts: IncompleteParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#rows.size
  }

  /** `from` gave the redacted form of the event. */
  async note(roomId: RoomId, eventId: EventId, from: ServerName): Promise<void> {
    await this.#load()
    const asked = new Set(this.#rows.get(eventId)?.asked).add(from)
    await this.#write(roomId, eventId, [...asked])
    const ofServer = [...this.#rows].filter((row) => row[1].asked[0] === from)
    if (ofServer.length > limits.incompletePerServer) await this.#dropFirst(ofServer)
    if (this.#rows.size > limits.incompleteKept) await this.#dropFirst([...this.#rows])
  }

  /** Asks the server for the whole form of what is incomplete in rooms that it is in. */
  async repair(server: ServerName, options?: AbortOptions): Promise<void> {
    await this.#load()
    let left: number = limits.incompleteAskedAtOnce
    for (const [eventId, { roomId, asked }] of [...this.#rows]) {
      if (options?.signal?.aborted || left === 0) return
      if (asked.includes(server) || !this.#parts.engine.isServerJoined(roomId, server)) continue
      if (await this.#repairOne(server, roomId, eventId, options)) left--
    }
  }

  /** True if the server was asked. */
  async #repairOne(server: ServerName, roomId: RoomId, eventId: EventId, options?: AbortOptions): Promise<boolean> {
    const { engine, fetcher } = this.#parts
    const stored = (await engine.events([eventId])).get(eventId)
    const roomVersion = await engine.roomVersion(roomId)
    if ((stored && !stored.incomplete) || roomVersion === undefined) {
      await this.#drop(roomId, eventId)
      return false
    }
    const event = await fetcher.event(server, { roomId, roomVersion }, eventId, options)
    if (event && !event.redacted) {
      await (stored ? engine.receiveOutliers([event]) : this.#parts.settle(event, server, options))
      await this.#drop(roomId, eventId)
      return true
    }
    const asked = [...new Set([...(this.#rows.get(eventId)?.asked ?? []), server])]
    if (asked.length >= limits.incompleteAsked) await this.#drop(roomId, eventId)
    else await this.#write(roomId, eventId, asked)
    return true
  }

  async #dropFirst([oldest]: readonly (readonly [EventId, { readonly roomId: RoomId }])[]): Promise<void> {
    if (oldest) await this.#drop(oldest[1].roomId, oldest[0])
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#read()
    return this.#loaded
  }

  async #read(): Promise<void> {
    for await (const { key, value } of table.scan(this.#parts.store, [])) {
      this.#rows.set(key[1], { roomId: key[0], asked: value.asked })
    }
  }

  async #write(roomId: RoomId, eventId: EventId, asked: readonly ServerName[]): Promise<void> {
    this.#rows.set(eventId, { roomId, asked })
    await this.#parts.store.batch([table.put([roomId, eventId], { asked })], { durable: false })
  }

  async #drop(roomId: RoomId, eventId: EventId): Promise<void> {
    if (!this.#rows.delete(eventId)) return
    await this.#parts.store.batch([table.del([roomId, eventId])], { durable: false })
  }
}
