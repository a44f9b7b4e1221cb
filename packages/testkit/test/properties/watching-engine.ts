import assert from 'node:assert/strict'
import { type CheckedPdu, type OpenRooms, openRooms } from '@starling/federation'
import { type EventId, type Pdu, type StateMap, serverOf } from '@starling/protocol'
import { FakeKeyRing } from '../../src/fake-key-ring.ts'
import { MemoryStore } from '../../src/memory-store.ts'
import { type GrownRoom, PEOPLE, WATCHER } from '../../src/room-dags/index.ts'
import { testCrypto } from '../../src/test-crypto.ts'
import { QuietLogger, TestClock, testRandomBytes } from '../../src/test-surroundings.ts'

/** The real room engine of the watcher's server, which is in the grown room from its base on and is shown the rest by hand. */
export class WatchingEngine {
  readonly #rooms: OpenRooms
  readonly #room: GrownRoom

  private constructor(rooms: OpenRooms, room: GrownRoom) {
    this.#rooms = rooms
    this.#room = room
  }

  /** Enters the room by the watcher's join, as `send_join` answers it: the state before it, and its auth chain. */
  static async enter(room: GrownRoom): Promise<WatchingEngine> {
    const directory = new Map()
    for (const user of PEOPLE) new FakeKeyRing(serverOf(user), directory)
    const rooms = await openRooms({
      store: new MemoryStore(),
      keys: new FakeKeyRing(serverOf(WATCHER), directory),
      crypto: testCrypto,
      clock: new TestClock(),
      logger: new QuietLogger(),
      randomBytes: testRandomBytes(1),
    })
    const engine = new WatchingEngine(rooms, room)
    const join = room.events[room.baseLength - 1] ?? assert.fail('no base')
    const base = room.events.slice(0, room.baseLength - 1)
    const inState = new Set([...room.naive.outcome(join.eventId).stateBefore.values()].map(({ eventId }) => eventId))
    const verdict = await rooms.engine.importRoom({
      roomId: room.roomId,
      roomVersion: room.roomVersion,
      state: await engine.#check(base.filter(({ eventId }) => inState.has(eventId))),
      authChain: await engine.#check(base),
      event: (await engine.#check([join]))[0] ?? assert.fail('no join'),
    })
    assert.equal(verdict.kind, 'accepted', JSON.stringify(verdict))
    return engine
  }

  async #check(pdus: readonly Pdu[]): Promise<readonly CheckedPdu[]> {
    return Promise.all(
      pdus.map(async ({ json }) => {
        const result = await this.#rooms.engine.check(json, this.#room.roomVersion)
        assert.ok(result.ok, `${!result.ok && result.reason}`)
        return result.checked
      }),
    )
  }

  /**
   * Shows the events in this order, again and again, until all have a place in the DAG. What waits for another is not stored, so it
   * has to come once more, as a peer would send it once more.
   */
  async show(events: readonly Pdu[]): Promise<void> {
    const checked = await this.#check(events)
    let missing = await this.#missing(events)
    while (missing > 0) {
      for (const one of checked) {
        const verdict = await this.#rooms.engine.receive(one)
        assert.notEqual(verdict.kind, 'refused', JSON.stringify(verdict))
      }
      const left = await this.#missing(events)
      assert.ok(left < missing, `${left} events never find their place`)
      missing = left
    }
  }

  async #missing(events: readonly Pdu[]): Promise<number> {
    const ids = new Set(events.map(({ eventId }) => eventId))
    return ids.size - (await this.#rooms.engine.inDag([...ids])).size
  }

  /** What became of the events behind the base. */
  async outcome(): Promise<{ readonly rejected: Set<string>; readonly softFailed: Set<string> }> {
    const ids = this.#room.events.slice(this.#room.baseLength).map(({ eventId }) => eventId)
    const stored = await this.#rooms.engine.events(ids)
    const softFailed = [...stored.values()].filter(({ status }) => status === 'soft-failed')
    return {
      rejected: new Set(ids.filter((id) => !stored.has(id))),
      softFailed: new Set(softFailed.map(({ pdu }) => pdu.eventId)),
    }
  }

  async forwardExtremities(): Promise<Set<string>> {
    return new Set(await this.#rooms.engine.forwardExtremities(this.#room.roomId))
  }

  async currentState(): Promise<readonly string[]> {
    return sortedIds(await this.#rooms.engine.currentState(this.#room.roomId))
  }

  async stateBefore(eventId: EventId): Promise<readonly string[] | undefined> {
    const state = await this.#rooms.engine.stateBefore(this.#room.roomId, eventId)
    return state && sortedIds(state)
  }

  stop(): Promise<void> {
    return this.#rooms.stop()
  }
}

/** A state by the ids of its events, which say it all: a slot is a function of its event. */
export function sortedIds(state: StateMap): readonly string[] {
  return [...state.values()].sort()
}
