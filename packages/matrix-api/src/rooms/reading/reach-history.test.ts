import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '@starling/protocol'
import type { RoomEvent, RoomReader, TimelineSlice } from '../../ports.ts'
import { reachHistory } from './reach-history.ts'

const ROOM = '!room' as RoomId
const LIMIT = { limit: 1_000 }

/** A room of which only the event at `0` is stored; `before` more are with others, and come as they are asked for. */
class DistantHistory implements Pick<RoomReader, 'timeline'> {
  oldest = 0
  asked = 0
  readonly #before: number

  constructor(before: number) {
    this.#before = before
  }

  async timeline(
    _roomId: RoomId,
    walk: { direction: 'f' | 'b'; from?: number; limit: number },
  ): Promise<TimelineSlice> {
    if (walk.direction === 'f') return { events: [eventAt(this.oldest)], next: undefined }
    this.asked++
    const from = walk.from ?? 0
    const to = Math.max(-this.#before, from - walk.limit + 1)
    this.oldest = Math.min(this.oldest, to)
    const events = Array.from({ length: from - to + 1 }, (_, place) => eventAt(from - place))
    return { events, next: to === -this.#before ? undefined : to - 1 }
  }
}

const eventAt = (order: number) => ({ order }) as RoomEvent
const isAt = (order: number) => (page: readonly RoomEvent[]) => page.some((event) => event.order === order)

test('history is reached back to what is sought, and no further than its page', async () => {
  const history = new DistantHistory(5_000)
  await reachHistory(history, ROOM, isAt(-250), LIMIT)
  assert.ok(history.oldest <= -250 && history.oldest > -400, `${history.oldest}`)
})

test('what is not there is sought up to a bound; the next request goes on from there', async () => {
  const history = new DistantHistory(5_000)
  await reachHistory(history, ROOM, () => false, LIMIT)
  assert.deepEqual([history.asked, history.oldest], [10, -999])
  await reachHistory(history, ROOM, () => false, LIMIT)
  assert.equal(history.oldest, -1_998)
})

test('at the beginning of the room, and where nothing more comes, the seeking ends', async () => {
  const short = new DistantHistory(30)
  await reachHistory(short, ROOM, () => false, LIMIT)
  assert.equal(short.asked, 1)
  let asked = 0
  const stuck: Pick<RoomReader, 'timeline'> = {
    async timeline(_roomId, { direction }) {
      if (direction === 'b') asked++
      return { events: [eventAt(5)], next: 5 }
    },
  }
  await reachHistory(stuck, ROOM, () => false, LIMIT)
  assert.equal(asked, 1)
})
