import type { ServerName, UserId } from '@starling/protocol'
import { localpartOf } from '@starling/protocol'
import type { LocalUsers, Rendezvous } from '../../ports.ts'
import type { Ground } from '../ports.ts'
import { pointsOf } from './rendezvous-points.ts'

/** Names that change quickly are advertised once. */
const SETTLE_MS = 1_000

/** Advertises where this node's discoverable accounts can be found, and follows their display names. */
export class Advertiser {
  readonly #ground: Ground
  readonly #rendezvous: Rendezvous
  readonly #users: LocalUsers
  readonly #server: ServerName
  #cancel: (() => void) | undefined

  constructor(ground: Ground, rendezvous: Rendezvous, users: LocalUsers, server: ServerName) {
    this.#ground = ground
    this.#rendezvous = rendezvous
    this.#users = users
    this.#server = server
  }

  start(): void {
    this.#soon(0)
  }

  stop(): void {
    this.#cancel?.()
  }

  async profileChanged(userId: UserId): Promise<void> {
    if ((await this.#users.discoverable()).includes(userId)) this.#soon(SETTLE_MS)
  }

  /** Reads the names and advertises their points. */
  async advertise(): Promise<void> {
    const names: string[] = []
    for (const userId of await this.#users.discoverable()) {
      const profile = await this.#users.profile(userId)
      const name = profile?.displayname
      names.push(typeof name === 'string' && name.trim() !== '' ? name : localpartOf(userId))
    }
    await this.#rendezvous.advertise(pointsOf(this.#server, names))
  }

  #soon(ms: number): void {
    this.#cancel?.()
    this.#cancel = this.#ground.timers.after(ms, () => {
      this.advertise().catch((error: unknown) => this.#ground.logger.warn({ error }, 'could not advertise'))
    })
  }
}
