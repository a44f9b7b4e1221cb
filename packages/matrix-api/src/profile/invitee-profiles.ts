import type { JsonObject, UserId } from '@starling/protocol'
import type { LocalAccounts, Profiles } from '../sync/ports.ts'
import type { RemoteProfiles } from './remote-profiles.ts'

export interface InviteeProfilesDeps {
  readonly accounts: Pick<LocalAccounts, 'isLocal'>
  readonly profiles: Profiles
  readonly remoteProfiles: Pick<RemoteProfiles, 'get'>
  readonly patienceMs?: number
}

type MemberProfile = Awaited<ReturnType<Profiles['memberContent']>>

/** How long an invite waits to learn a name from another server; without it the invite goes out all the same. Milliseconds. */
const PATIENCE_MS = 1_000

/** A longer value from another server is left out: it would only burden the room. Characters. */
const MAX_LENGTH = 512

/**
 * Name and avatar for the invite of a user, so that the inviter sees a person and not a key until the invitee joins
 * (`m.room.member`: the inviter's server may add them). Never keeps an invite from going out.
 */
export class InviteeProfiles {
  readonly #deps: InviteeProfilesDeps

  constructor(deps: InviteeProfilesDeps) {
    this.#deps = deps
  }

  async memberContent(target: UserId, inviter: UserId): Promise<MemberProfile> {
    const { accounts, profiles, remoteProfiles, patienceMs = PATIENCE_MS } = this.#deps
    if (accounts.isLocal(target)) return profiles.memberContent(target)
    const signal = AbortSignal.timeout(patienceMs)
    const tooLate = new Promise<undefined>((resolve) =>
      signal.addEventListener('abort', () => resolve(undefined), { once: true }),
    )
    const asked = remoteProfiles.get(target, inviter, { signal }).catch(() => undefined)
    return shownIn(await Promise.race([asked, tooLate]))
  }
}

function shownIn(profile: JsonObject | undefined): MemberProfile {
  const displayname = shortText(profile?.displayname)
  const avatarUrl = shortText(profile?.avatar_url)
  return {
    ...(displayname !== undefined && { displayname }),
    ...(avatarUrl?.startsWith('mxc://') && { avatar_url: avatarUrl }),
  }
}

function shortText(value: unknown): string | undefined {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_LENGTH ? value : undefined
}
