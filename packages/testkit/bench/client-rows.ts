import type { RoomId, UserId } from '@starling/protocol'
import { StarlingProcess } from '@starling/testkit'
import { mediaRows } from './client-rows-media.ts'
import { COMMON_WORD, fillRooms, RARE_WORD } from './client-rows-store.ts'
import { fillLargeRoom } from './large-room-store.ts'
import { type Answer, BENCH_FLAGS, call, percentile, timed } from './measure.ts'
import type { Row } from './table.ts'

/** Rooms of three users who share nothing else. */
const FEW = 10
const MANY = 1_000
const ROOMS: readonly number[] = [FEW, 100, MANY]
const MESSAGES = 100_000
const MEMBERS = 10_000
const WAKES = 120
const ROUNDS = 7
/** Until the waiting request has arrived. Milliseconds. */
const SETTLE_MS = 5

interface Session {
  readonly userId: UserId
  readonly token: string
}

/** What a client waits for, on stores of the size that years of use make: 1,000 rooms, 100,000 messages, 10,000 members. */
export async function clientRows(): Promise<Row[]> {
  await using node = await StarlingProcess.start({ flags: [...BENCH_FLAGS, '--registration', 'open'] })
  const api = () => `${node.info.client_api}/_matrix/client`
  const writer: Session = { userId: node.info.user_id as UserId, token: node.ownerSession().accessToken }
  const users = new Map<number, Session>()
  for (const count of ROOMS) users.set(count, await register(api(), `with-${count}-rooms`))
  const { peer_id: peerId } = node.info
  await node.stop()
  const wished = new Map(ROOMS.map((count) => [(users.get(count) as Session).userId, count]))
  const filled = await fillRooms(node.dataDir, peerId, { writer: writer.userId, rooms: wished, messages: MESSAGES })
  const large = await fillLargeRoom(node.dataDir, writer.userId, peerId, MEMBERS)
  await node.start()

  const search = searchOf(api(), writer)
  const indexing = await timed(() => indexed(search))
  const rows = await initialSyncRows(api(), users)
  const [few, many] = [FEW, MANY].map((count) => {
    const session = users.get(count) as Session
    return { session, roomId: filled.rooms.get(session.userId)?.[0] as RoomId }
  }) as [Woken, Woken]
  rows.push(await wakeRow('/sync', syncPoll(api()), { api: api(), writer, few, many }))
  rows.push(await firstPageRow(api(), users))
  rows.push(await wakeRow('sliding sync', slidingPoll(api()), { api: api(), writer, few, many }))
  rows.push(await pagingRow(api(), writer, filled.longRoom))
  rows.push(await membersRow(api(), writer, large))
  rows.push({ what: `${count(MESSAGES)} messages in the search index after a start`, unit: 'ms', node: indexing })
  rows.push(...(await searchRows(search)))
  rows.push(...(await mediaRows(node.info.client_api, writer.token)))
  return rows
}

async function register(api: string, username: string): Promise<Session> {
  const auth = { type: 'm.login.dummy' }
  const { body } = await call('POST', `${api}/v3/register`, { username, password: `the password of ${username}`, auth })
  return { userId: body.user_id as UserId, token: String(body.access_token) }
}

async function initialSyncRows(api: string, users: ReadonlyMap<number, Session>): Promise<Row[]> {
  const rows: Row[] = []
  for (const [rooms, { token }] of users) {
    const ms = await median(async () => {
      const { body } = await call('GET', `${api}/v3/sync`, undefined, token)
      expectEqual(Object.keys((body.rooms as { join: object }).join).length, rooms)
    })
    rows.push({ what: `initial /sync of ${count(rooms)} rooms, p50`, unit: 'ms', node: ms })
  }
  return rows
}

interface Woken {
  readonly session: Session
  /** One of the rooms. */
  readonly roomId: RoomId
}

/** A waiting request that has been told everything; the second function asks on. */
interface Poll {
  first(token: string): Promise<string>
  next(token: string, since: string): Promise<{ readonly since: string; readonly body: unknown }>
}

/**
 * From the start of a send to the answer of the waiting request, of the user with many rooms beside the one with few: in turns, so
 * that what else the machine does falls on both alike.
 */
async function wakeRow(
  what: string,
  poll: Poll,
  at: { readonly api: string; readonly writer: Session; readonly few: Woken; readonly many: Woken },
): Promise<Row> {
  const sides: { woken: Woken; since: string; times: number[] }[] = []
  for (const woken of [at.few, at.many]) {
    sides.push({ woken, since: await poll.first(woken.session.token), times: [] })
  }
  for (let n = 0; n < WAKES; n++) {
    for (const side of sides) {
      const { session, roomId } = side.woken
      const waiting = poll.next(session.token, side.since)
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      const started = performance.now()
      const message = { msgtype: 'm.text', body: `wake ${what} ${n}` }
      const url = `${at.api}/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${encodeURIComponent(message.body)}`
      const sent = call('PUT', url, message, at.writer.token)
      const { since, body } = await waiting
      side.times.push(performance.now() - started)
      if (!JSON.stringify(body).includes(message.body))
        throw new Error(`woken by something else: ${JSON.stringify(body)}`)
      side.since = since
      await sent
    }
  }
  const [few, many] = sides.map(({ times }) => percentile(times, 0.5)) as [number, number]
  const rooms = `${count(MANY)} rooms (floor: with ${FEW})`
  return { what: `send → waiting ${what} with ${rooms}, p50`, unit: 'ms', node: many, floor: few, aim: '≤ 1.2×' }
}

function syncPoll(api: string): Poll {
  const ask = async (token: string, query: string) => {
    const { body } = await call('GET', `${api}/v3/sync?timeout=10000${query}`, undefined, token)
    return { since: String(body.next_batch), body }
  }
  return {
    first: async (token) => (await ask(token, '')).since,
    next: (token, since) => ask(token, `&since=${since}`),
  }
}

const WINDOW = 20

/** One list with a window on top, and all extensions, as clients of the Element X kind ask. */
const SLIDING_REQUEST = {
  conn_id: 'room-list',
  lists: {
    all_rooms: {
      ranges: [[0, WINDOW - 1]],
      timeline_limit: 1,
      required_state: [
        ...['m.room.name', 'm.room.encryption', 'm.room.avatar', 'm.room.topic', 'm.room.create'].map((type) => [
          type,
          '',
        ]),
        ...[
          ['m.room.member', '$LAZY'],
          ['m.room.member', '$ME'],
        ],
      ],
      filters: { not_room_types: ['m.space'] },
    },
  },
  extensions: Object.fromEntries(
    ['to_device', 'e2ee', 'account_data', 'receipts', 'typing'].map((name) => [name, { enabled: true }]),
  ),
}

async function slidingSync(api: string, token: string, query: string): Promise<Answer> {
  return call('POST', `${api}/unstable/org.matrix.simplified_msc3575/sync${query}`, SLIDING_REQUEST, token)
}

function slidingPoll(api: string): Poll {
  const ask = async (token: string, query: string) => {
    const { body } = await slidingSync(api, token, `?timeout=10000${query}`)
    return { since: String(body.pos), body }
  }
  const next = (token: string, since: string) => ask(token, `&pos=${encodeURIComponent(since)}`)
  // The first answer is followed by one at once where the list is longer than the window.
  return { first: async (token) => (await ask(token, '')).since, next }
}

async function firstPageRow(api: string, users: ReadonlyMap<number, Session>): Promise<Row> {
  const [few, many] = [FEW, MANY].map((rooms) => users.get(rooms)?.token ?? '') as [string, string]
  const page = (token: string, rooms: number) =>
    median(async () => {
      const { body } = await slidingSync(api, token, '')
      expectEqual(Object.keys(body.rooms as object).length, Math.min(WINDOW, rooms))
    })
  const floor = await page(few, FEW)
  return {
    what: `sliding sync, first page: ${WINDOW} of ${count(MANY)} rooms (floor: ${FEW} of ${FEW}), p50`,
    unit: 'ms',
    node: await page(many, MANY),
    floor,
  }
}

async function pagingRow(api: string, { token }: Session, roomId: RoomId): Promise<Row> {
  const [pages, limit] = [10, 100]
  const ms = await median(async () => {
    let from = ''
    const seen = new Set<string>()
    for (let page = 0; page < pages; page++) {
      const url = `${api}/v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=${limit}${from}`
      const { body } = await call('GET', url, undefined, token)
      for (const { event_id: id } of body.chunk as { event_id: string }[]) seen.add(id)
      from = `&from=${encodeURIComponent(String(body.end))}`
    }
    expectEqual(seen.size, pages * limit)
  })
  return { what: `${count(pages * limit)} events by /messages, ${limit} at a time, p50`, unit: 'ms', node: ms }
}

async function membersRow(api: string, { token }: Session, roomId: RoomId): Promise<Row> {
  const ms = await median(async () => {
    const { body } = await call('GET', `${api}/v3/rooms/${encodeURIComponent(roomId)}/members`, undefined, token)
    expectEqual((body.chunk as unknown[]).length, MEMBERS + 1)
  })
  return { what: `/members of a room of ${count(MEMBERS)}, p50`, unit: 'ms', node: ms }
}

type Search = (term: string) => Promise<{ readonly count: number; readonly results: number }>

function searchOf(api: string, { token }: Session): Search {
  return async (term) => {
    const categories = { room_events: { search_term: term, order_by: 'recent' } }
    const { body } = await call('POST', `${api}/v3/search`, { search_categories: categories }, token)
    const { room_events: found } = body.search_categories as { room_events: { count: number; results: unknown[] } }
    return { count: found.count, results: found.results.length }
  }
}

/** The node indexes what it has in the background; the oldest message comes last. */
async function indexed(search: Search): Promise<void> {
  while ((await search(RARE_WORD)).count < MESSAGES / 10_000) await new Promise((resolve) => setTimeout(resolve, 250))
}

async function searchRows(search: Search): Promise<Row[]> {
  const page = (term: string, expected: number) => median(async () => expectEqual((await search(term)).count, expected))
  const among = `search of ${count(MESSAGES)} messages`
  return [
    {
      ...{ what: `${among}, a word that is in all, first page, p50`, unit: 'ms' },
      node: await page(COMMON_WORD, MESSAGES),
    },
    { what: `${among}, a word that is in ten, p50`, unit: 'ms', node: await page(RARE_WORD, MESSAGES / 10_000) },
  ]
}

async function median(one: () => Promise<void>): Promise<number> {
  const times: number[] = []
  // The first round warms code and caches up; who just started the node waits longer.
  await one()
  for (let round = 0; round < ROUNDS; round++) times.push(await timed(one))
  return percentile(times, 0.5)
}

function expectEqual(seen: number, expected: number): void {
  if (seen !== expected) throw new Error(`${seen} instead of ${expected}: this measures nothing`)
}

function count(of: number): string {
  return of.toLocaleString('en')
}
