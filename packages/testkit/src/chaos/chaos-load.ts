import { setTimeout as sleep } from 'node:timers/promises'
import { type OwnerClient, Unanswered } from '../clients/owner-client.ts'
import { SimRandom } from '../sim/sim-random.ts'
import type { Acknowledged, ChaosLedger } from './chaos-ledger.ts'
import type { ChaosNode } from './chaos-node.ts'

export interface ChaosLoad {
  readonly nodes: readonly ChaosNode[]
  readonly roomId: string
  readonly ledger: ChaosLedger
  readonly seed: bigint
}

interface Turn extends ChaosLoad {
  readonly node: ChaosNode
  readonly random: SimRandom
  /** A name that no other request has. */
  readonly mark: string
}

type Deed = (turn: Turn) => Promise<void>

/** Pause of a user between two deeds, milliseconds. */
const PAUSE_MS: readonly [number, number] = [80, 400]
/** Until an unanswered request is asked again, and how often that is done before it counts as never answered. */
const RETRY_MS = 300
const MAX_RETRIES = 200

const DEEDS: Readonly<Record<string, Deed>> = {
  say,
  guestSays,
  setTopic,
  setOwnState,
  redact,
  askAgain,
  guestLeaves,
  guestComes,
  kick,
  ban,
  unban,
}
const WEIGHTS = {
  say: 12,
  guestSays: 4,
  setTopic: 2,
  setOwnState: 2,
  redact: 2,
  askAgain: 2,
  guestLeaves: 1,
  guestComes: 3,
  kick: 1,
  ban: 1,
  unban: 2,
} as const

/** One node's users do something, over and over, until told to stop. */
export async function keepBusy(load: ChaosLoad, node: ChaosNode, signal: AbortSignal): Promise<void> {
  const random = new SimRandom(load.seed, `load of node ${node.number}`)
  for (let n = 0; !signal.aborted; n++) {
    const deed = DEEDS[random.weighted(WEIGHTS)]
    await deed?.({ ...load, node, random, mark: `${node.number}.${n}` })
    await sleep(random.between(...PAUSE_MS))
  }
}

/** What each owner says once all faults have ended; it joins the branches that nobody else took. */
export function closingWord(load: ChaosLoad, node: ChaosNode): Promise<string | undefined> {
  return send(load, node, 'owner', `${inRoom(load.roomId)}/send/m.room.message/${node.number}.closing`, text('closing'))
}

const inRoom = (roomId: string) => `rooms/${encodeURIComponent(roomId)}`
const text = (body: string) => ({ msgtype: 'm.text', body })

async function say(turn: Turn): Promise<void> {
  await send(turn, turn.node, 'owner', `${inRoom(turn.roomId)}/send/m.room.message/${turn.mark}`, text(turn.mark))
}

async function guestSays(turn: Turn): Promise<void> {
  await send(turn, turn.node, 'guest', `${inRoom(turn.roomId)}/send/m.room.message/${turn.mark}`, text(turn.mark))
}

async function setTopic({ roomId, node, mark, ...turn }: Turn): Promise<void> {
  await send({ ...turn, roomId }, node, 'owner', `${inRoom(roomId)}/state/m.room.topic`, { topic: mark })
}

async function setOwnState({ roomId, node, mark, ...turn }: Turn): Promise<void> {
  await send({ ...turn, roomId }, node, 'owner', `${inRoom(roomId)}/state/org.starling.chaos/${node.number}`, { mark })
}

async function redact(turn: Turn): Promise<void> {
  const said = turn.ledger.acknowledged.filter(({ node, by, path }) => {
    return node === turn.node.number && by === 'owner' && path.includes('/send/')
  })
  if (said.length === 0) return
  const path = `${inRoom(turn.roomId)}/redact/${encodeURIComponent(turn.random.pick(said).eventId)}/${turn.mark}`
  await send(turn, turn.node, 'owner', path, { reason: turn.mark })
}

/** A request that was answered long ago, asked once more as a client does that lost its notes. */
async function askAgain({ node, ledger, random }: Turn): Promise<void> {
  const own = ledger.acknowledged.filter(
    (event) => event.idempotent && event.node === node.number && event.by === 'owner',
  )
  if (own.length === 0) return
  const event = random.pick(own)
  const answer = await answered(node.owner, ledger, 'PUT', event.path, event.body)
  if (answer) ledger.again(event, answer.body.event_id)
}

function guestLeaves(turn: Turn): Promise<void> {
  return change(turn, turn.node.guest, 'leave', {})
}

function guestComes(turn: Turn): Promise<void> {
  return change(turn, turn.node.guest, 'join', {})
}

function kick(turn: Turn): Promise<void> {
  return moderate(turn, 'kick')
}

function ban(turn: Turn): Promise<void> {
  return moderate(turn, 'ban')
}

function unban(turn: Turn): Promise<void> {
  return moderate(turn, 'unban')
}

/** An owner does it to the guest of any node. */
function moderate(turn: Turn, how: 'kick' | 'ban' | 'unban'): Promise<void> {
  return change(turn, turn.node.owner, how, { user_id: turn.random.pick(turn.nodes).guestId })
}

async function change({ roomId, ledger }: Turn, client: OwnerClient, how: string, body: object): Promise<void> {
  const answer = await answered(client, ledger, 'POST', `${inRoom(roomId)}/${how}`, body)
  if (answer?.status === 200) ledger.memberships++
  else if (answer) ledger.refused++
}

/** Asks until it is answered, with the same transaction id each time. @returns the event's id; undefined where it was refused. */
async function send(
  { ledger }: Pick<ChaosLoad, 'ledger'> & { readonly roomId: string },
  node: ChaosNode,
  by: Acknowledged['by'],
  path: string,
  body: object,
): Promise<string | undefined> {
  const answer = await answered(node[by], ledger, 'PUT', path, body)
  if (!answer) return undefined
  const { event_id: eventId } = answer.body
  if (answer.status !== 200 || typeof eventId !== 'string') {
    // A guest may be out of the room at the moment; an owner never is.
    if (by === 'owner') ledger.faults.push(`PUT ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    else ledger.refused++
    return undefined
  }
  ledger.acknowledge({ node: node.number, path, body, eventId, idempotent: !path.includes('/state/'), by })
  return eventId
}

async function answered(client: OwnerClient, ledger: ChaosLedger, method: 'PUT' | 'POST', path: string, body: object) {
  for (let attempt = 0; attempt < MAX_RETRIES; attempt++) {
    if (attempt > 0) ledger.retries++
    try {
      return await client.call(method, path, body)
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      ledger.unanswered++
      await sleep(RETRY_MS)
    }
  }
  return undefined
}
