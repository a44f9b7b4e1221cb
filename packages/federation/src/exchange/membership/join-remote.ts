import type { AbortOptions, EventId, JsonObject, ServerName, Sha256 } from '@starling/protocol'
import { parseServerName } from '@starling/protocol'
import type { CheckedPdu, RoomImport, Verdict } from '../../contracts.ts'
import { MANIFEST } from '../answers/send-join.ts'
import { limits } from '../limits.ts'
import type { RoomViews } from '../ports.ts'
import { digestIds } from '../wire/packed-ids.ts'
import { asArray, asObject } from '../wire/read-json.ts'
import { ask } from '../wire/request-failure.ts'
import { v2 } from '../wire/uri.ts'
import { abandonJoin } from './abandon-join.ts'
import { residentCandidates } from './candidates.ts'
import { checkJoinAnswer, joinEvent, type SentJoin } from './check-join-answer.ts'
import { crossCheck, isOutvoted } from './cross-check.ts'
import { type EntryParts, enterByPlan } from './enter-by-plan.ts'
import { type HandshakeParts, makeMembership, withOwnKeys } from './handshake.ts'
import { importInPieces } from './import-in-pieces.ts'
import { readManifest } from './join-plan.ts'
import type { JoinReport } from './joins-under-way.ts'
import type { MembershipChange } from './membership-change.ts'
import { RemoteFailures } from './remote-failures.ts'

export type JoinChange = MembershipChange & { readonly membership: 'join' }

export interface JoinParts extends HandshakeParts, Omit<EntryParts, 'keys'> {
  readonly views: RoomViews
  readonly sha256: Sha256
  readonly clock: { now(): number }
  /** Receives an event and fetches what it waits for from that server. */
  settle(checked: CheckedPdu, carrier: ServerName): Promise<Verdict>
}

/** Servers asked in the place of one that was outvoted. */
const MAX_DISSENTERS = 2

/** One attempt with one resident server. */
interface Attempt {
  readonly change: JoinChange
  readonly resident: ServerName
  /** All servers that may help: they have the room's events too. */
  readonly candidates: readonly ServerName[]
  readonly failures: RemoteFailures
  readonly report: JoinReport
  /** Members that say otherwise than the resident: to be asked in its place. */
  readonly dissenters: ServerName[]
}

/**
 * Joins by the handshake of "Joining Rooms" (server-server API): resident servers are asked one after the other, nearest
 * first, until one lets us in with a state that stands up to every check and to what other members say of it.
 *
 * @returns the join's id and the server that helped.
 * @throws RoomError `forbidden`, `unknown-room`, `incompatible-room-version` or `unreachable`.
 */
export async function joinRemote(
  parts: JoinParts,
  change: JoinChange,
  report: JoinReport,
  options?: AbortOptions,
): Promise<{ readonly eventId: EventId; readonly resident: ServerName }> {
  const failures = new RemoteFailures('join the room')
  const candidates = await residentCandidates(parts, change)
  const dissenters: ServerName[] = []
  const asked = new Set<ServerName>()
  for (const queue = [...candidates]; queue.length > 0; ) {
    const resident = queue.shift() as ServerName
    if (asked.has(resident)) continue
    asked.add(resident)
    options?.signal?.throwIfAborted()
    report({ stage: 'asking', resident, events: 0, total: 0 })
    const attempt = { change, resident, candidates, failures, report, dissenters }
    const eventId = await joinThrough(parts, attempt, options)
    if (eventId) return { eventId, resident }
    queue.unshift(...dissenters.splice(0).slice(0, MAX_DISSENTERS))
  }
  throw failures.toError()
}

async function joinThrough(parts: JoinParts, attempt: Attempt, options?: AbortOptions): Promise<EventId | undefined> {
  const { change, resident, failures } = attempt
  const made = await makeMembership(parts, change, resident, failures, options)
  if (!made) return undefined
  const { event, fields } = made
  const { roomVersion } = fields
  const answer = await ask(
    parts.requests.request(
      resident,
      'PUT',
      v2('send_join', [change.roomId, event.pdu.eventId], { omit_members: 'false', [MANIFEST]: '1' }),
      withOwnKeys(event, parts.keys),
      { ...options, timeoutMs: limits.sendTimeout, maxResponseBytes: limits.bytesPerStateAnswer },
    ),
  )
  if (!answer.ok) {
    failures.request(answer.error)
    return undefined
  }
  const sent = { roomId: change.roomId, roomVersion, resident, event, restricted: fields.authorisedBy !== undefined }
  const manifest = asObject(answer.value[MANIFEST])
  return manifest
    ? enterInPieces(parts, attempt, sent, answer.value, manifest, options)
    : enterAtOnce(parts, attempt, sent, answer.value, options)
}

/** The plain answer: everything is in it. */
async function enterAtOnce(
  parts: JoinParts,
  attempt: Attempt,
  sent: SentJoin,
  answer: JsonObject,
  options?: AbortOptions,
): Promise<EventId | undefined> {
  const { resident } = sent
  const checked = await checkJoinAnswer(answer, sent, parts.carrier)
  if (!checked.ok) return lie(parts, attempt, checked.reason, 'checks')
  const { room } = checked
  const { state, event } = room
  const digest = await digestIds(
    state.map(({ pdu }) => pdu.eventId),
    parts.sha256,
  )
  const servers = othersIn(answer, attempt)
  const claim = { roomId: room.roomId, eventId: event.pdu.eventId, digest, resident, servers }
  const compared = await crossCheck(parts, claim, options)
  options?.signal?.throwIfAborted()
  if (compared.differ.length > 0) parts.count('join_state_disputed', isOutvoted(compared) ? 'outvoted' : 'kept')
  if (isOutvoted(compared)) {
    attempt.dissenters.push(...compared.differ.map(([server]) => server))
    return lie(parts, attempt, 'other members hold another state', 'outvoted')
  }
  attempt.report({ stage: 'entering' })
  const verdict = await enter(parts, room, attempt)
  if (verdict.kind === 'accepted') return verdict.eventId
  if (verdict.kind === 'duplicate' && isIn(parts, attempt)) return verdict.eventId
  return lie(parts, attempt, 'reason' in verdict ? verdict.reason : `the join was ${verdict.kind}`, verdict.kind)
}

/** A server that is in the room already (another user of it, or a restricted join) has the state: the event is enough. */
async function enter(parts: JoinParts, room: RoomImport, { change, resident }: Attempt): Promise<Verdict> {
  const isJoined = parts.engine.isServerJoined(room.roomId, parts.keys.serverName)
  if (!isJoined) {
    return room.state.length + room.authChain.length > limits.eventsOfSmallRoom
      ? importInPieces(parts, room, change.target, resident)
      : parts.engine.importRoom(room)
  }
  const verdict = await parts.engine.receive(room.event satisfies CheckedPdu)
  // Its parents are newer than what is here: the state that came with it is what they lead to.
  return verdict.kind === 'waiting' ? parts.engine.receiveWithState(room.event, room.state, room.authChain) : verdict
}

/** The answer names events by id: they are fetched from whoever has them, and kept as they come. */
async function enterInPieces(
  parts: JoinParts,
  attempt: Attempt,
  sent: SentJoin,
  answer: JsonObject,
  manifest: JsonObject,
  options?: AbortOptions,
): Promise<EventId | undefined> {
  const { change, resident, failures } = attempt
  const event = await joinEvent(answer, sent, parts.carrier)
  if (!event) return lie(parts, attempt, 'the join event did not come back signed', 'checks')
  if (isIn(parts, attempt)) {
    const verdict = await parts.settle(event, resident)
    if (verdict.kind === 'accepted' || verdict.kind === 'duplicate') return verdict.eventId
    return lie(parts, attempt, `the join was ${verdict.kind}`, verdict.kind)
  }
  const { roomId, roomVersion } = sent
  const servers = othersIn(answer, attempt)
  const read = await readManifest(parts, manifest, { roomId, roomVersion, event, resident, servers }, options)
  options?.signal?.throwIfAborted()
  if (!read.ok) return lie(parts, attempt, read.reason, 'manifest')
  // What is fetched meanwhile is not stored before the row that leads to it is.
  const noted = parts.rows.put(read.plan, change.target, parts.clock.now())
  noted.catch(() => undefined)
  try {
    const entry = await enterByPlan(parts, read.plan, { events: read.events, noted }, attempt.report, options)
    if (entry.kind !== 'entered') {
      parts.count('send_join_refused', entry.kind)
      failures.lie(resident, entry.reason)
      if (entry.kind === 'refused') attempt.dissenters.push(...entry.dissenters)
      await abandonJoin(parts, roomId)
      return undefined
    }
    await parts.rows.remove(roomId, { entered: true })
    return entry.eventId
  } catch (error) {
    // Stopping: the next start goes on with it. Anything else is a fault of our own: nothing half-done stays.
    if (!options?.signal?.aborted) await abandonJoin(parts, roomId)
    throw error
  }
}

function isIn(parts: JoinParts, { change }: Attempt): boolean {
  return parts.engine.isServerJoined(change.roomId, parts.keys.serverName)
}

function lie(parts: JoinParts, { failures, resident }: Attempt, reason: string, code: string): undefined {
  parts.count('send_join_refused', code)
  failures.lie(resident, reason)
  return undefined
}

/** Servers in the room by the answer and by what was known before, those in reach first; the resident is a liar perhaps. */
function othersIn(answer: JsonObject, { candidates }: Attempt): ServerName[] {
  const named = (asArray(answer.servers_in_room) ?? []).slice(0, limits.eventsPerState)
  return [...new Set([...candidates, ...named.flatMap((one) => parseServerName(one) ?? [])])].slice(
    0,
    limits.serversRemembered,
  )
}
