import { StarlingProcess } from '@starling/testkit'
import { BENCH_FLAGS, call, percentile } from './measure.ts'
import type { Row } from './table.ts'

const DELIVERIES = 200

/** Two nodes over loopback TCP: from the start of a send at one to the answer of a waiting sync at the other. */
export async function twoNodeRows(): Promise<Row[]> {
  await using alice = await StarlingProcess.start({ flags: BENCH_FLAGS })
  await using bob = await StarlingProcess.start({
    flags: [...BENCH_FLAGS, '--bootstrap', alice.info.multiaddrs.join(',')],
  })
  const a = sessionOf(alice)
  const b = sessionOf(bob)
  await findEachOther(a, bob.info.user_id)
  const created = await call(
    'POST',
    `${a.api}/createRoom`,
    { preset: 'public_chat', invite: [bob.info.user_id] },
    a.token,
  )
  const room = encodeURIComponent(String(created.body.room_id))
  await joinWhenInvited(b, room)
  let since = String((await call('GET', `${b.api}/sync`, undefined, b.token)).body.next_batch)
  const times: number[] = []
  for (let i = 0; i < DELIVERIES; i++) {
    const started = performance.now()
    const body = `delivery ${i}`
    await call('PUT', `${a.api}/rooms/${room}/send/m.room.message/d${i}`, { msgtype: 'm.text', body }, a.token)
    since = await syncUntil(b, since, body)
    times.push(performance.now() - started)
  }
  return [
    { what: 'send at one node → /sync at another, p50', unit: 'ms', node: percentile(times, 0.5), aim: '≤ 10 ms' },
    { what: 'send at one node → /sync at another, p99', unit: 'ms', node: percentile(times, 0.99) },
  ]
}

interface Session {
  readonly api: string
  readonly token: string
}

function sessionOf(node: StarlingProcess): Session {
  const { baseUrl, accessToken } = node.ownerSession()
  return { api: `${baseUrl}/_matrix/client/v3`, token: accessToken }
}

async function findEachOther(session: Session, userId: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const found = await call('POST', `${session.api}/user_directory/search`, { search_term: userId }, session.token)
    if ((found.body.results as unknown[]).length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${userId} was not found`)
}

async function joinWhenInvited(session: Session, room: string): Promise<void> {
  for (let i = 0; ; i++) {
    const { body } = await call('GET', `${session.api}/sync`, undefined, session.token)
    const invites = (body.rooms as { invite?: object } | undefined)?.invite ?? {}
    if (decodeURIComponent(room) in invites) break
    if (i === 100) throw new Error('the invite did not arrive')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  await call('POST', `${session.api}/rooms/${room}/join`, {}, session.token)
}

async function syncUntil(session: Session, since: string, text: string): Promise<string> {
  let token = since
  while (true) {
    const { body } = await call('GET', `${session.api}/sync?since=${token}&timeout=10000`, undefined, session.token)
    token = String(body.next_batch)
    if (JSON.stringify(body).includes(text)) return token
  }
}
