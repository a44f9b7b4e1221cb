import {
  type BatchOperation,
  type JsonObject,
  type KeyValueStore,
  type Logger,
  type RoomId,
  type UserId,
  withoutKeys,
} from '@starling/protocol'
import type { Outbound, RoomReader, Rooms } from '../ports.ts'
import { mapConcurrent } from '../rooms/map-concurrent.ts'
import { buckets } from '../store/buckets.ts'
import { defineTable } from '../store/table.ts'
import type { Profiles } from '../sync/ports.ts'

export interface PropagationDeps {
  readonly store: KeyValueStore
  readonly profiles: Profiles
  readonly reader: Pick<RoomReader, 'roomsOf' | 'stateEvent'>
  readonly rooms: Pick<Rooms, 'changeMembership'>
  readonly outbound: Pick<Outbound, 'profileChanged'>
  readonly logger: Logger
}

/** Rooms written to at once: each write is durable before the next of its room, so a few keep the disk busy. */
const CONCURRENCY = 8

/**
 * Carries a changed display name or avatar into the user's `m.room.member` event of every joined room (Client-Server API,
 * "Events on Change of Profile Information"). What is owed is written in the same batch as the change, so a crash in the
 * middle is made good at the next start.
 */
export class ProfilePropagation {
  readonly #deps: PropagationDeps
  readonly #owed
  /** Users being worked on, at most one run each; grows with local accounts only. */
  readonly #running = new Map<UserId, { again: boolean; readonly done: Promise<void> }>()

  constructor(deps: PropagationDeps) {
    this.#deps = deps
    this.#owed = defineTable<[user: string], Record<string, never>>(deps.store, buckets.profilePropagation, 's')
  }

  /** To be committed with the change itself. */
  owe(userId: UserId): BatchOperation {
    return this.#owed.put([userId], {})
  }

  /** Resolves once every room has the profile as it is now. A change during the run is carried by another round. */
  run(userId: UserId): Promise<void> {
    const running = this.#running.get(userId)
    if (running) {
      running.again = true
      return running.done
    }
    const state = { again: false, done: Promise.resolve() }
    state.done = this.#rounds(userId, state).finally(() => this.#running.delete(userId))
    this.#running.set(userId, state)
    return state.done
  }

  /** Makes good what a crash cut short. */
  async start(): Promise<void> {
    const users: UserId[] = []
    for await (const { key } of this.#owed.scan([])) users.push(key[0] as UserId)
    await Promise.all(users.map((userId) => this.run(userId)))
  }

  async #rounds(userId: UserId, state: { again: boolean }): Promise<void> {
    let complete: boolean
    do {
      state.again = false
      complete = await this.#round(userId)
    } while (state.again)
    if (complete) await this.#deps.store.batch([this.#owed.del(userId)])
  }

  /** False where something is still owed: it is tried again with the next change or start. */
  async #round(userId: UserId): Promise<boolean> {
    const { profiles, reader, outbound } = this.#deps
    const profile = await profiles.memberContent(userId)
    const joined = (await reader.roomsOf(userId)).filter((room) => room.membership === 'join')
    const told = {
      ...(profile.displayname !== undefined && { displayName: profile.displayname }),
      ...(profile.avatar_url !== undefined && { avatarUrl: profile.avatar_url }),
    }
    const outcomes = await mapConcurrent(joined, CONCURRENCY, ({ roomId }) =>
      this.#attempt({ roomId }, () => this.#update(roomId, userId, profile)),
    )
    outcomes.push(await this.#attempt({}, () => outbound.profileChanged(userId, told)))
    return outcomes.every((done) => done)
  }

  /** One room that refuses (left meanwhile, too busy) must not keep the name from the others. */
  async #attempt(where: { readonly roomId?: RoomId }, task: () => Promise<void>): Promise<boolean> {
    try {
      await task()
      return true
    } catch (error) {
      this.#deps.logger.warn({ ...where, error: String(error) }, 'profile change not carried on')
      return false
    }
  }

  async #update(
    roomId: RoomId,
    userId: UserId,
    profile: { readonly displayname?: string; readonly avatar_url?: string },
  ): Promise<void> {
    const current = (await this.#deps.reader.stateEvent(roomId, 'm.room.member', userId))?.pdu.content ?? {}
    if (current.displayname === profile.displayname && current.avatar_url === profile.avatar_url) return
    // Names the server that let the user in: true of that join, not of this event.
    const kept = withoutKeys(
      current,
      'membership',
      'displayname',
      'avatar_url',
      'join_authorised_via_users_server',
      'reason',
    )
    const content: JsonObject = { ...kept, ...profile }
    await this.#deps.rooms.changeMembership({ roomId, sender: userId, target: userId, membership: 'join', content })
  }
}
