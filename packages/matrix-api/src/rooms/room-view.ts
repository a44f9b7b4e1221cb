import { type RoomId, redactPdu, roomVersionRules, type StateMap, type UserId } from '@starling/protocol'
import type { Membership, Position, RoomEvent, RoomReader } from '../ports.ts'
import type { AccountData } from '../sync/ports.ts'
import { type OpenAccess, requireAccess } from './access.ts'
import { objectIn } from './content.ts'
import { type MembershipStep, membershipAt, ownMemberships, stayBegan, wasJoinedWithin } from './own-memberships.ts'
import { Visibility } from './visibility.ts'

/** Whose events a user does not get as they are. */
export interface HiddenPeople {
  /** Users whose messages (not state) are left out. */
  readonly ignored: ReadonlySet<UserId>
  /** Users whose events come redacted to who could not see them before that position. */
  readonly erased: ReadonlyMap<UserId, Position>
}

/** A room as one user sees it, for the length of one request. */
export class RoomView {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly access: OpenAccess
  readonly visibility: Visibility
  readonly #people: HiddenPeople
  readonly #reader: RoomReader
  #steps: Promise<MembershipStep[]> | undefined

  constructor(reader: RoomReader, roomId: RoomId, userId: UserId, access: OpenAccess, people: HiddenPeople) {
    this.#reader = reader
    this.roomId = roomId
    this.userId = userId
    this.access = access
    this.#people = people
    this.visibility = new Visibility(reader, roomId, userId, access)
  }

  /** What of `events` may be shown, {@link asShown}: visible by the room's history, and not a message of an ignored user. */
  async shown(events: readonly RoomEvent[]): Promise<readonly RoomEvent[]> {
    return this.asShown(await this.visibility.visible(events.filter((event) => !this.isIgnored(event))))
  }

  /**
   * Events that may be seen, in the form in which they may: those of erased users redacted, unless this user was in the room between
   * the event and its erasure (Client-Server API, `POST /account/deactivate`, `erase`).
   */
  async asShown(events: readonly RoomEvent[]): Promise<readonly RoomEvent[]> {
    const { erased } = this.#people
    if (erased.size === 0 || !events.some(({ pdu }) => erased.has(pdu.sender))) return events
    const rules = roomVersionRules((await this.#reader.roomVersion(this.roomId)) ?? '')
    const steps = await this.#ownSteps()
    return events.map((event) => {
      const until = erased.get(event.pdu.sender)
      if (until === undefined || !rules || wasJoinedWithin(steps, event.order, until)) return event
      return { ...event, pdu: redactPdu(event.pdu, rules) }
    })
  }

  isIgnored(event: RoomEvent): boolean {
    return event.pdu.stateKey === undefined && this.#people.ignored.has(event.pdu.sender)
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
  return new RoomView(deps.reader, roomId, userId, access, await hiddenPeople(deps.accountData, userId))
}

export async function hiddenPeople(accountData: AccountData, userId: UserId): Promise<HiddenPeople> {
  const [ignored, erased] = await Promise.all([ignoredUsers(accountData, userId), accountData.erased()])
  return { ignored, erased }
}

/** Client-Server API, "Ignoring Users". Nobody can ignore themselves. */
export async function ignoredUsers(accountData: AccountData, userId: UserId): Promise<ReadonlySet<UserId>> {
  const content = await accountData.get(userId, undefined, 'm.ignored_user_list')
  const listed = Object.keys(objectIn(content, 'ignored_users') ?? {}) as UserId[]
  return new Set(listed.filter((other) => other !== userId))
}
