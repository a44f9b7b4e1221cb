import { type OwnerClient, Unanswered } from '@starling/testkit'
import type { Ledger } from './ledger.ts'
import type { SeededRandom } from './seeded-random.ts'

/** What every writer needs; the rooms are there before the first kill. */
export interface LoadParts {
  readonly client: OwnerClient
  readonly ledger: Ledger
  readonly rooms: readonly [string, string]
  /** The device that to-device messages go to. */
  readonly receiver: { readonly userId: string; readonly deviceId: string }
  readonly random: SeededRandom
}

/** A request that a writer asks next. */
interface Request {
  readonly roomId?: string
  readonly method?: 'PUT' | 'POST'
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  readonly idempotent: boolean
}

/** The request with this mark, which no other has; undefined where there is nothing to do yet. */
type Writer = (mark: string, parts: LoadParts) => Request | undefined

const ROOM_STATE = 'm.room.topic'

/** What a room is made with: a whole one shows all of it. */
export const ROOM_RECIPE = {
  preset: 'public_chat',
  name: 'made under load',
  topic: 'whole or not at all',
  initial_state: [{ type: 'org.starling.mark', state_key: '', content: { last: true } }],
} as const

export const ACCOUNT_DATA = 'org.starling.load'
export const TO_DEVICE = 'org.starling.load'

const inRoom = (roomId: string) => `rooms/${encodeURIComponent(roomId)}`

const messages =
  (room: 0 | 1): Writer =>
  (mark, { rooms }) => ({
    roomId: rooms[room],
    path: `${inRoom(rooms[room])}/send/m.room.message/${mark}`,
    body: { msgtype: 'm.text', body: mark, mark },
    idempotent: true,
  })

const state =
  (room: 0 | 1): Writer =>
  (mark, { rooms }) => ({
    roomId: rooms[room],
    path: `${inRoom(rooms[room])}/state/${ROOM_STATE}`,
    body: { topic: mark, mark },
    idempotent: false,
  })

/** Takes back a message that was acknowledged before, never one twice. */
function redactions(): Writer {
  let next = 0
  return (mark, { ledger, rooms, random }) => {
    const sent = ledger.acknowledged(({ path, roomId }) => roomId === rooms[0] && path.includes('/m.room.message/'))
    next += 1 + random.below(5)
    const target = sent[next]?.eventId
    if (target === undefined) {
      next = Math.max(0, sent.length - 1)
      return undefined
    }
    const path = `${inRoom(rooms[0])}/redact/${encodeURIComponent(target)}/${mark}`
    return { roomId: rooms[0], path, body: { reason: mark, mark }, idempotent: true }
  }
}

const toDevice: Writer = (mark, { receiver }) => ({
  path: `sendToDevice/${TO_DEVICE}/${mark}`,
  body: { messages: { [receiver.userId]: { [receiver.deviceId]: { mark } } } },
  idempotent: true,
})

function accountData(): Writer {
  let n = 0
  return (mark, { receiver }) => ({
    path: `user/${encodeURIComponent(receiver.userId)}/account_data/${ACCOUNT_DATA}`,
    body: { n: n++, mark },
    idempotent: false,
  })
}

/** Moves the stream on without writing to the disk: a restart must not hand the same positions out again. */
const typing: Writer = (mark, { rooms, receiver }) => ({
  path: `${inRoom(rooms[1])}/typing/${encodeURIComponent(receiver.userId)}`,
  body: { typing: mark.endsWith('0'), timeout: 10_000 },
  idempotent: false,
})

const creations: Writer = () => ({ method: 'POST', path: 'createRoom', body: ROOM_RECIPE, idempotent: false })

/** All write at once. */
export function writers(): ReadonlyMap<string, Writer> {
  return new Map([
    ['message-a1', messages(0)],
    ['message-a2', messages(0)],
    ['message-a3', messages(0)],
    ['message-b1', messages(1)],
    ['message-b2', messages(1)],
    ['state-a', state(0)],
    ['state-b', state(1)],
    ['redaction', redactions()],
    ['to-device', toDevice],
    ['account-data', accountData()],
    ['typing', typing],
    ['create', creations],
  ])
}

/** Pause of a writer that has nothing to do, in milliseconds. */
const IDLE_MS = 5

/** Writers that wait between requests: rooms are dear to check, and typing is only there to move the stream. */
const PAUSE_MS: Readonly<Record<string, number>> = { create: 60, typing: 20 }

/**
 * Asks until the node goes away.
 * @returns how many requests were left without an answer.
 * @throws Error for an answer that refuses: nothing of this load is wrong.
 */
export async function writeUntilGone(
  all: ReadonlyMap<string, Writer>,
  parts: LoadParts,
  round: number,
  signal: AbortSignal,
): Promise<number> {
  const outcomes = [...all].map(async ([writer, next]) => {
    for (let n = 0; !signal.aborted; n++) {
      const request = next(`${round}.${writer}.${n}`, parts)
      const unanswered = request && (await ask(writer, request, parts))
      if (unanswered) return 1
      const pause = request ? PAUSE_MS[writer] : IDLE_MS
      if (pause !== undefined) await new Promise((resolve) => setTimeout(resolve, pause))
    }
    return 0
  })
  return (await Promise.all(outcomes)).reduce<number>((sum, lost) => sum + lost, 0)
}

/** @returns whether the answer did not come. */
async function ask(writer: string, request: Request, { client, ledger }: LoadParts): Promise<boolean> {
  const { roomId, method = 'PUT', path, body, idempotent } = request
  const index = ledger.ask({ writer, roomId, method, path, body, idempotent })
  try {
    const answer = await client.ok(method, path, body)
    ledger.acknowledge(index, idOf(answer))
    return false
  } catch (error) {
    if (error instanceof Unanswered) return true
    throw error
  }
}

/** The id that a write's answer names, if any. */
export function idOf(answer: Readonly<Record<string, unknown>>): string | undefined {
  const id = answer.event_id ?? answer.room_id
  return typeof id === 'string' ? id : undefined
}
