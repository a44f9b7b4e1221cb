import type { UserId } from '@starling/protocol'
import { StarlingProcess } from '@starling/testkit'
import { fillLargeRoom } from './large-room-store.ts'
import { BENCH_FLAGS, call, cpuMs, percentile, quiet, rss, timed } from './measure.ts'
import type { Row } from './table.ts'

const MEBIBYTE = 1024 * 1024

export interface JoinFigures {
  /** From `POST /join` to its answer, median, milliseconds. */
  readonly ms: number
  /** CPU of the node that joins and of the one that answers, milliseconds. */
  readonly joinerCpu: number
  readonly residentCpu: number
  /** Growth of the joiner's resident memory. */
  readonly joinerBytes: number
}

/**
 * Joins of rooms with so many state events between two real nodes on loopback TCP: whole processes, real keys of fifty servers.
 * `rooms`: how many rooms of that size are joined; the first is thrown away, as a node that has just started compiles its
 * code then.
 */
export async function joinFigures(events: number, rooms: number): Promise<JoinFigures> {
  await using alice = await StarlingProcess.start({ flags: BENCH_FLAGS })
  const { user_id: owner, peer_id: peer } = alice.info
  await alice.stop()
  const ids: string[] = []
  for (let n = 0; n < rooms; n++) ids.push(await fillLargeRoom(alice.dataDir, owner as UserId, peer, events))
  await alice.start()
  const bootstrap = ['--bootstrap', alice.info.multiaddrs.join(',')]
  await using bob = await StarlingProcess.start({ flags: [...BENCH_FLAGS, ...bootstrap] })
  const { baseUrl, accessToken } = bob.ownerSession()
  const api = `${baseUrl}/_matrix/client/v3`
  await findEachOther(api, accessToken, owner)
  const figures: JoinFigures[] = []
  for (const id of ids) {
    // What the room before still fetches of its history, so that its state can be judged anew, is no part of the next join.
    await quiet(alice.pid, bob.pid)
    const before = { bob: cpuMs(bob.pid), alice: cpuMs(alice.pid), bytes: rss(bob.pid) }
    const via = `server_name=${alice.info.server_name}`
    const ms = await timed(() => call('POST', `${api}/join/${encodeURIComponent(id)}?${via}`, {}, accessToken))
    figures.push({
      ms,
      joinerCpu: cpuMs(bob.pid) - before.bob,
      residentCpu: cpuMs(alice.pid) - before.alice,
      joinerBytes: rss(bob.pid) - before.bytes,
    })
  }
  const counted = figures.length > 1 ? figures.slice(1) : figures
  const median = (of: (one: JoinFigures) => number) => percentile(counted.map(of), 0.5)
  return {
    ms: median((one) => one.ms),
    joinerCpu: median((one) => one.joinerCpu),
    residentCpu: median((one) => one.residentCpu),
    joinerBytes: median((one) => one.joinerBytes),
  }
}

/** Rows of the table; `sizes` in state events, with how many rooms of each are joined. */
export async function joinRows(
  sizes: readonly (readonly [events: number, rooms: number])[] = [
    [1_000, 8],
    [10_000, 2],
    [90_000, 1],
  ],
): Promise<Row[]> {
  const rows: Row[] = []
  for (const [events, rooms] of sizes) {
    const figures = await joinFigures(events, rooms)
    const what = `join of a room with ${events} state events`
    rows.push({ what, unit: 'ms', node: figures.ms, ...(events === 1_000 && { aim: '≤ 200 ms' }) })
    rows.push({ what: `${what}: memory of the joiner grows by`, unit: 'MiB', node: figures.joinerBytes / MEBIBYTE })
    rows.push({
      what: `${what}: CPU of joiner and resident`,
      unit: 'ms',
      node: figures.joinerCpu + figures.residentCpu,
    })
  }
  return rows
}

async function findEachOther(api: string, token: string, userId: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const found = await call('POST', `${api}/user_directory/search`, { search_term: userId }, token)
    if ((found.body.results as unknown[]).length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${userId} was not found`)
}
