import type { UserId } from '@starling/protocol'
import { StarlingProcess } from '@starling/testkit'
import { fillHistory } from './history-store.ts'
import { fillLargeRoom } from './large-room-store.ts'
import { BENCH_FLAGS, call, ownMemory, quiet, rss, timed } from './measure.ts'
import type { Row } from './table.ts'

const MEBIBYTE = 1024 * 1024
const MEMBERS = 10_000
const HISTORY_BYTES = 1024 ** 3

/** Memory of a node with a room of 10,000 members, after a client has synced it, read its members and written into it. */
export async function memoryRows(): Promise<Row[]> {
  await using node = await StarlingProcess.start({ flags: BENCH_FLAGS })
  const { user_id: owner, peer_id: peer } = node.info
  await syncOf(node)
  const empty = rss(node.pid)
  await node.stop()
  const roomId = await fillLargeRoom(node.dataDir, owner as UserId, peer, MEMBERS)
  await node.start()
  const { api, token } = await syncOf(node)
  const room = `${api}/rooms/${encodeURIComponent(roomId)}`
  const { body } = await call('GET', `${room}/joined_members`, undefined, token)
  const members = Object.keys(body.joined as object).length
  if (members < MEMBERS) throw new Error(`the room has ${members} members only`)
  for (let n = 0; n < 100; n++) {
    await call('PUT', `${room}/send/m.room.message/m${n}`, { msgtype: 'm.text', body: `message ${n}` }, token)
  }
  return [
    {
      what: `memory (RSS) with a room of ${MEMBERS.toLocaleString('en')} members in use`,
      unit: 'MiB',
      node: rss(node.pid) / MEBIBYTE,
      floor: empty / MEBIBYTE,
    },
  ]
}

/** A start on a gigabyte of history beside one on an empty database; the data are made in a temporary directory and removed. */
export async function coldStartRows(): Promise<Row[]> {
  await using node = await StarlingProcess.start({ flags: BENCH_FLAGS })
  const { user_id: owner, peer_id: peer } = node.info
  await node.stop()
  const empty = await timed(() => node.start())
  const emptySync = (await syncOf(node)).ms
  await node.stop()
  const messages = await fillHistory(node.dataDir, owner as UserId, peer, HISTORY_BYTES)
  // Once before it counts: what is stored is indexed for the search by a running node, not by each that starts.
  await node.start()
  await quiet(node.pid)
  await node.stop()
  const full = await timed(() => node.start())
  const { ms } = await syncOf(node)
  return [
    { what: `start with 1 GiB of history (${messages} events) until it serves`, unit: 'ms', node: full, floor: empty },
    { what: 'first /sync of its 20 rooms', unit: 'ms', node: ms, floor: emptySync },
    { what: 'memory (RSS) after it', unit: 'MiB', node: rss(node.pid) / MEBIBYTE },
    { what: 'of which its own, without mapped files', unit: 'MiB', node: ownMemory(node.pid) / MEBIBYTE },
  ]
}

async function syncOf(node: StarlingProcess) {
  const { baseUrl, accessToken: token } = node.ownerSession()
  const api = `${baseUrl}/_matrix/client/v3`
  const ms = await timed(() => call('GET', `${api}/sync`, undefined, token))
  return { api, token, ms }
}
