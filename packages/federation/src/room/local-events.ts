import {
  type Clock,
  type Crypto,
  checkAuth,
  depthAfter,
  type EventId,
  encodeBase64,
  eventTemplate,
  type JsonObject,
  mayRedact,
  type Pdu,
  type PduDraft,
  type RoomVersionRules,
  referenceHash,
  selectAuthEvents,
  serverOf,
  stateSlot,
} from '@starling/protocol'
import type { DraftTransaction, KeyRing, LocalDraft } from '../contracts.ts'
import { authStateFrom } from '../ingest/auth-state.ts'
import type { IngestParts } from '../ingest/ingest-pdu.ts'
import { placeEvent } from '../ingest/place-event.ts'
import { checkByAuthEvents } from '../ingest/step-4-auth-events.ts'
import { checkByState } from '../ingest/step-5-state-before.ts'
import { checkByCurrentState } from '../ingest/step-6-current-state.ts'
import type { RoomState } from '../state/state-store.ts'
import { chooseParents } from './choose-parents.ts'
import { finishEvent } from './finish-event.ts'
import { RoomError } from './room-error.ts'
import type { RoomTransaction } from './room-transaction.ts'

export type LocalEvent = Omit<LocalDraft, 'roomId'>

export interface LocalEventParts extends IngestParts {
  readonly keys: Pick<KeyRing, 'sign' | 'serverName'>
  readonly crypto: Crypto
  readonly clock: Clock
}

interface Prepared {
  readonly template: JsonObject
  readonly before: RoomState
  readonly rules: RoomVersionRules
}

/** Builds, signs, authorises and places an event of a local user; the checks are those for a stranger's. */
export async function placeLocalEvent(
  draft: LocalEvent,
  transaction: RoomTransaction,
  parts: LocalEventParts,
  options: { readonly transaction?: DraftTransaction } = {},
): Promise<Pdu> {
  if (serverOf(draft.sender) !== parts.keys.serverName) throw new RoomError('forbidden', 'not a user of this server')
  const { template, before, rules } = await prepare(draft, transaction, parts)
  const pdu = finishEvent(template, rules, parts.keys, parts.crypto.sha256)
  await authorise(pdu, before, transaction, parts)
  if (pdu.type === 'm.room.redaction') await requireMayRedact(pdu, before, transaction)
  await placeEvent(
    {
      pdu,
      before,
      status: 'accepted',
      fresh: true,
      publish: true,
      ...(options.transaction === undefined ? {} : { transaction: options.transaction }),
    },
    transaction,
    parts,
  )
  return pdu
}

/**
 * The event that `draft` would become, neither hashed nor signed, for any sender whom the auth rules would let. The
 * signature that a restricted join needs is taken for given: it is added later.
 */
export async function templateFor(
  draft: LocalEvent,
  transaction: RoomTransaction,
  parts: LocalEventParts,
): Promise<JsonObject> {
  const { template, before, rules } = await prepare(draft, transaction, parts)
  // Signed by this server whoever the sender is, only to be judged as an event; the signature goes no further.
  const pdu = finishEvent(template, rules, parts.keys, parts.crypto.sha256)
  const options = { ed25519: parts.ed25519, isSignedBy: () => true }
  for (const map of new Set([before.map, transaction.requireHead().state.map])) {
    const verdict = checkAuth(pdu, await authStateFrom(pdu, map, rules, transaction), rules, options)
    if (!verdict.allowed) throw new RoomError('forbidden', verdict.reason)
  }
  return template
}

async function prepare(draft: LocalEvent, transaction: RoomTransaction, parts: LocalEventParts): Promise<Prepared> {
  const { roomId } = transaction
  const { extremities, state, rules } = transaction.requireHead()
  const prevEvents = chooseParents(extremities)
  const parents = await transaction.events(prevEvents)
  const before =
    prevEvents.length === extremities.length ? state : await stateAfterAll([...parents.values()], transaction, parts)
  const authEvents = selectAuthEvents({ ...draft, stateKey: draft.stateKey }, before.map, rules)
  const pduDraft: PduDraft = {
    ...draft,
    ...(await hashesOfReferences([...prevEvents, ...authEvents], rules, transaction, parts)),
    roomId,
    prevEvents,
    authEvents,
    depth: depthAfter([...parents.values()].map(({ pdu }) => pdu)),
    originServerTs: await timeOf(draft, before, transaction, parts.clock.now()),
  }
  return { template: eventTemplate(pduDraft, rules), before, rules }
}

/** Room versions 1 and 2 want the reference hash beside the id of each event that is referred to. */
async function hashesOfReferences(
  ids: readonly EventId[],
  rules: RoomVersionRules,
  transaction: RoomTransaction,
  { crypto }: LocalEventParts,
): Promise<Pick<PduDraft, 'referenceHashes'>> {
  if (rules.eventReferences === 'ids') return {}
  const hashes = new Map<EventId, string>()
  for (const [eventId, { pdu }] of await transaction.events(ids)) {
    hashes.set(eventId, encodeBase64(referenceHash(pdu.json, rules, crypto.sha256)))
  }
  return { referenceHashes: hashes }
}

/** How far the clock may be behind an event for the next one to be dated after it all the same. */
const MAX_AHEAD_MS = 1_000

/**
 * A state event is later than the one it replaces, also within one millisecond: state resolution orders them by time, ties by
 * id, and would let a leave win over the join after it.
 */
async function timeOf(
  { type, stateKey }: LocalEvent,
  before: RoomState,
  transaction: RoomTransaction,
  now: number,
): Promise<number> {
  const replacedId = stateKey === undefined ? undefined : before.map.get(stateSlot(type, stateKey))
  const replaced = replacedId === undefined ? undefined : await transaction.event(replacedId)
  if (!replaced) return now
  const { originServerTs } = replaced.pdu
  return originServerTs >= now && originServerTs - now < MAX_AHEAD_MS ? originServerTs + 1 : now
}

async function stateAfterAll(
  parents: readonly { readonly after?: RoomState['id'] }[],
  transaction: RoomTransaction,
  { resolve }: LocalEventParts,
): Promise<RoomState> {
  const ids = new Set(parents.flatMap(({ after }) => after ?? []))
  return resolve(transaction, await Promise.all([...ids].map((id) => transaction.state(id))))
}

async function authorise(
  pdu: Pdu,
  before: RoomState,
  transaction: RoomTransaction,
  { ed25519 }: LocalEventParts,
): Promise<void> {
  const head = transaction.requireHead()
  const byState = await checkByState(pdu, before.map, head.rules, transaction, ed25519)
  if (!byState.allowed) throw new RoomError('forbidden', byState.reason)
  const byAuthEvents = await checkByAuthEvents(pdu, head.rules, transaction, ed25519)
  if (byAuthEvents.kind !== 'allowed') throw new RoomError('forbidden', 'not allowed by its auth events')
  // The usual case: the event stands on all extremities, so the state before it is the current one.
  if (before.id === head.state.id) return
  const byCurrent = await checkByCurrentState({ pdu }, head.state, transaction, ed25519)
  if (!byCurrent.allowed) throw new RoomError('forbidden', `not allowed by the current state: ${byCurrent.code}`)
}

/** The auth rules let nearly everybody send a redaction that then does nothing. A local user is told instead. */
async function requireMayRedact(pdu: Pdu, before: RoomState, transaction: RoomTransaction): Promise<void> {
  const { number, rules } = transaction.requireHead()
  const target: EventId | undefined = pdu.redacts
  const stored = target === undefined ? undefined : await transaction.event(target)
  if (stored?.room !== number) throw new RoomError('unknown-event', 'there is no such event in this room')
  const state = await authStateFrom(pdu, before.map, rules, transaction)
  if (!mayRedact(pdu, stored.pdu, state, rules)) throw new RoomError('forbidden', 'you may not redact this event')
}
