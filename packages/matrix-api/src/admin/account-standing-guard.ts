import type { EventId, UserId } from '@starling/protocol'
import type { Accounts } from '../accounts/accounts.ts'
import type { Call, Endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { RequestGuard } from '../http/request-guard.ts'
import type { RoomReader } from '../ports.ts'
import { eventIdOf, roomIdOf } from '../rooms/call-params.ts'
import { userLocked } from '../session/user-locked.ts'

const V3 = '/_matrix/client/v3'
const ROOM = `${V3}/rooms/{roomId}`

/** All that a locked account may do (Client-Server API, "Account locking"). */
const OPEN_TO_LOCKED: ReadonlySet<string> = new Set([`POST ${V3}/logout`, `POST ${V3}/logout/all`])

type Allowed = (call: Call, reader: Pick<RoomReader, 'event'>) => Promise<boolean>

const never: Allowed = async () => false

/**
 * What a suspended account may not do, each with its exceptions (Client-Server API, "Account suspension": what it
 * recommends to forbid, and what would go around that). Reading, leaving, redacting one's own events, verifying devices,
 * backing up keys, logging out and deactivating stay open.
 */
const CLOSED_TO_SUSPENDED: Readonly<Record<string, Allowed>> = {
  [`POST ${V3}/join/{roomIdOrAlias}`]: never,
  [`POST ${ROOM}/join`]: never,
  [`POST ${V3}/knock/{roomIdOrAlias}`]: never,
  [`POST ${ROOM}/invite`]: never,
  [`POST ${ROOM}/kick`]: never,
  [`POST ${ROOM}/ban`]: never,
  [`POST ${ROOM}/unban`]: never,
  [`POST ${ROOM}/upgrade`]: never,
  [`POST ${V3}/createRoom`]: never,
  [`PUT ${V3}/directory/room/{roomAlias}`]: never,
  [`PUT ${V3}/directory/list/room/{roomId}`]: never,
  [`PUT ${V3}/profile/{userId}/{keyName}`]: never,
  [`DELETE ${V3}/profile/{userId}/{keyName}`]: never,
  [`PUT ${ROOM}/redact/{eventId}/{txnId}`]: (call, reader) => isOwn(call, eventIdOf(call), reader),
  [`PUT ${ROOM}/send/{eventType}/{txnId}`]: async (call, reader) =>
    call.params.eventType === 'm.room.redaction' &&
    typeof call.body.redacts === 'string' &&
    isOwn(call, call.body.redacts as EventId, reader),
  [`PUT ${ROOM}/state/{eventType}/{stateKey}`]: async ({ params, body, requester }) =>
    params.eventType === 'm.room.member' && params.stateKey === requester.userId && body.membership === 'leave',
}

/** Holds requests against what the owner has put upon the account that makes them. */
export class AccountStandingGuard implements RequestGuard {
  readonly #accounts: Pick<Accounts, 'standing'>
  readonly #reader: Pick<RoomReader, 'event'>

  constructor(deps: { readonly accounts: Pick<Accounts, 'standing'>; readonly reader: Pick<RoomReader, 'event'> }) {
    this.#accounts = deps.accounts
    this.#reader = deps.reader
  }

  /** Throws 401 `M_USER_LOCKED`, with `soft_logout`: tokens stay and work again once the lock is lifted. */
  async admit(userId: UserId, endpoint: Endpoint): Promise<void> {
    if (OPEN_TO_LOCKED.has(nameOf(endpoint))) return
    if ((await this.#accounts.standing(userId)).locked) throw userLocked()
  }

  /** Throws 403 `M_USER_SUSPENDED`. */
  async permit(call: Call, endpoint: Endpoint): Promise<void> {
    const name = nameOf(endpoint)
    const allowed = Object.hasOwn(CLOSED_TO_SUSPENDED, name) ? CLOSED_TO_SUSPENDED[name] : undefined
    if (!allowed || !(await this.#accounts.standing(call.requester.userId)).suspended) return
    if (await allowed(call, this.#reader)) return
    throw new MatrixError(403, 'M_USER_SUSPENDED', 'Your account is suspended: you cannot do that for now')
  }
}

function nameOf(endpoint: Endpoint): string {
  return `${endpoint.method} ${endpoint.path}`
}

async function isOwn(call: Call, eventId: EventId, reader: Pick<RoomReader, 'event'>): Promise<boolean> {
  return (await reader.event(roomIdOf(call), eventId))?.pdu.sender === call.requester.userId
}
