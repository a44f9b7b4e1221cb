import type { RoomId, StateMap, UserId } from '@starling/protocol'
import type { Membership, RoomEvent, RoomReader } from '../ports.ts'
import type { AccountData } from '../sync/ports.ts'
import { type OpenAccess, requireAccess } from './access.ts'
import { objectIn } from './content.ts'
import { type MembershipStep, membershipAt, ownMemberships, stayBegan } from './own-memberships.ts'
import { Visibility } from './visibility.ts'

/** A room as one user sees it, for the length of one request. */
export class RoomView {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly access: OpenAccess
  readonly visibility: Visibility
  /** Users whose messages (not state) are left out. */
  readonly ignored: ReadonlySet<UserId>
  readonly #reader: RoomReader
  #steps: Promise<MembershipStep[]> | undefined

  constructor(reader: RoomReader, roomId: RoomId, userId: UserId, access: OpenAccess, ignored: ReadonlySet<UserId>) {
    this.#reader = reader
    this.roomId = roomId
    this.userId = userId
    this.access = access
    this.ignored = ignored
    this.visibility = new Visibility(reader, roomId, userId, access)
  }

  /** What of `events` may be shown: visible by the room's history, and not a message of an ignored user. */
  async shown(events: readonly RoomEvent[]): Promise<RoomEvent[]> {
    return this.visibility.visible(events.filter((event) => !this.isIgnored(event)))
  }

  isIgnored(event: RoomEvent): boolean {
    return event.pdu.stateKey === undefined && this.ignored.has(event.pdu.sender)
  }

  /** Current state, or as it was when the user left. */
  state(): Promise<StateMap> {
    return this.access.kind === 'departed'
      ? this.#reader.stateAfter(this.roomId, this.access.eventId)
      : this.#reader.currentState(this.roomId)
  }

  /** The user's own membership at an event, its own change included; undefined where the event has no place. */
  async membershipAt(event: RoomEvent): Promise<Membership | undefined> {
    if (event.order === undefined) return undefined
    return membershipAt(await this.#ownSteps(), event.order)
  }

  /** Where the user's newest stay in the room began, renames aside; 0 where that is not known or there was none. */
  async joinedAt(): Promise<number> {
    return stayBegan(await this.#ownSteps()) ?? 0
  }

  #ownSteps(): Promise<MembershipStep[]> {
    this.#steps ??= ownMemberships(this.#reader, this.roomId, this.userId)
    return this.#steps
  }

  /** The newest place in the timeline that the user may read; undefined where there is no such bound. */
  get newest(): number | undefined {
    return this.access.kind === 'departed' ? this.access.until : undefined
  }
}

/** Throws 403 `M_FORBIDDEN` where the user may read nothing of the room. */
export async function openRoom(
  deps: { readonly reader: RoomReader; readonly accountData: AccountData },
  roomId: RoomId,
  userId: UserId,
): Promise<RoomView> {
  const access = await requireAccess(deps.reader, roomId, userId)
  return new RoomView(deps.reader, roomId, userId, access, await ignoredUsers(deps.accountData, userId))
}

/** Client-Server API, "Ignoring Users". Nobody can ignore themselves. */
export async function ignoredUsers(accountData: AccountData, userId: UserId): Promise<ReadonlySet<UserId>> {
  const content = await accountData.get(userId, undefined, 'm.ignored_user_list')
  const listed = Object.keys(objectIn(content, 'ignored_users') ?? {}) as UserId[]
  return new Set(listed.filter((other) => other !== userId))
}
