import type { Logger, UserId } from '@starling/protocol'
import type { ProfilePropagation } from '../profile/profile-propagation.ts'
import type { ProfileStore } from '../profile/profiles.ts'

/** The display name of the node's owner, as the login page asks for it: people find each other by it. */
export interface OwnerName {
  get(userId: UserId): Promise<string | undefined>
  /** Durable when it resolves; rooms, and those who look the owner up, learn it behind that. */
  set(userId: UserId, name: string): Promise<void>
}

export function ownerName(deps: {
  readonly profiles: Pick<ProfileStore, 'field' | 'set'>
  readonly propagation: Pick<ProfilePropagation, 'owe' | 'run'>
  readonly logger: Logger
}): OwnerName {
  return {
    async get(userId) {
      const name = await deps.profiles.field(userId, 'displayname')
      return typeof name === 'string' && name !== '' ? name : undefined
    },
    async set(userId, name) {
      await deps.profiles.set(userId, 'displayname', name, [deps.propagation.owe(userId)])
      // What fails is owed, and made good at the next change or start.
      deps.propagation.run(userId).catch((error: unknown) => {
        deps.logger.warn({ error: String(error) }, 'the name given at login has not reached every room yet')
      })
    },
  }
}
