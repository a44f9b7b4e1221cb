import type { BatchOperation, Clock, KeyValueStore, Logger, RoomId, UserId } from '@starling/protocol'
import type { Affected, Position, RoomMembership, RoomReader, StreamPositions } from '../../ports.ts'
import { invitePolicy } from '../../rooms/membership/invite-permission.ts'
import { ignoredUsers, openRoom } from '../../rooms/room-view.ts'
import { buckets } from '../../store/buckets.ts'
import { defineTable } from '../../store/table.ts'
import type { AccountData } from '../../sync/ports.ts'
import { roomsTouched } from '../../sync/rooms-touched.ts'
import type { RoomPushEvaluation } from '../push-evaluation.ts'
import type { OwnedPusher, Pushers } from '../pushers.ts'
import { keyOf, type PushQueue, type QueuedPush } from './push-queue.ts'
import { MAX_AGE_MS, type PushSender } from './push-sender.ts'

/** Newest events of one room that one look pushes for: what comes in heaps after a cut is not worth a ring each. */
const MAX_EVENTS_PER_ROOM = 50

const WAIT_MS = 10 * 60_000

export interface PushWatcherDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly logger: Logger
  readonly positions: StreamPositions
  readonly reader: RoomReader
  readonly accountData: AccountData
  readonly pushers: Pushers
  readonly push: RoomPushEvaluation
  readonly queue: PushQueue
  readonly sender: PushSender
  /** A locked account is not told of anything. */
  readonly isLocked: (userId: UserId) => Promise<boolean>
}

type Push = Omit<QueuedPush, 'ts'>

/**
 * Looks at every new event and invite for the users who have a pusher, and queues what their push rules notify for. Where
 * it has got to is stored with what it queued: a crash neither loses a notification nor makes two. Sleeps while
 * nobody has a pusher.
 */
export class PushWatcher {
  readonly #deps: PushWatcherDeps
  readonly #cursor
  readonly #stopped = new AbortController()
  #running: Promise<void> | undefined
  /** Ends the wait for news when somebody has set a pusher: the wait knows only who had one when it began. */
  #nudge = new AbortController()

  constructor(deps: PushWatcherDeps) {
    this.#deps = deps
    this.#cursor = defineTable<[], { readonly position: Position }>(deps.store, buckets.pushCursor, '')
    deps.pushers.onSet(() => this.start())
  }

  /** Goes on where the last run ended; also hands over what waited in the queue then. */
  start(): void {
    if (this.#stopped.signal.aborted) return
    if (this.#running !== undefined) {
      this.#nudge.abort()
      return
    }
    // From where it stands now: the first pusher is for what comes after it.
    const from = this.#deps.positions.current()
    this.#running = this.#run(from)
      .catch((error: unknown) => this.#deps.logger.error({ error: String(error) }, 'push watcher failed'))
      .finally(() => {
        this.#running = undefined
        // Set just as the last look found nobody with a pusher.
        if (this.#nudge.signal.aborted) this.start()
      })
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  async #run(fresh: Position): Promise<void> {
    const { positions, pushers, queue, sender, store } = this.#deps
    for (const key of await queue.waiting()) sender.wake(key)
    let from = Math.min((await this.#cursor.get())?.position ?? fresh, fresh)
    while (!this.#stopped.signal.aborted) {
      this.#nudge = new AbortController()
      const owned = await pushers.all()
      const to = positions.current()
      if (owned.length === 0) {
        await store.batch([this.#cursor.del()], { durable: false })
        return
      }
      if (to > from) await this.#look(owned, from, to)
      from = to
      const users = new Set(owned.map(({ userId }) => userId))
      const concerns = (affected: Affected) =>
        (affected.rooms?.length ?? 0) > 0 || (affected.users?.some((userId) => users.has(userId)) ?? false)
      await positions.wait(from, concerns, {
        timeoutMs: WAIT_MS,
        signal: AbortSignal.any([this.#stopped.signal, this.#nudge.signal]),
      })
    }
  }

  async #look(owned: readonly OwnedPusher[], from: Position, to: Position): Promise<void> {
    const { queue, sender, store, isLocked, positions } = this.#deps
    const touched = await roomsTouched(positions, from)
    const operations: BatchOperation[] = []
    const woken: OwnedPusher[] = []
    for (const [userId, pushers] of Map.groupBy(owned, (one) => one.userId)) {
      const pushes = (await isLocked(userId)) ? [] : await this.#pushesFor(userId, from, to, touched)
      if (pushes.length === 0) continue
      for (const pusher of pushers) operations.push(...(await queue.add(keyOf(pusher), pushes)))
      woken.push(...pushers)
    }
    await store.batch([...operations, this.#cursor.put([], { position: to })], { durable: operations.length > 0 })
    for (const pusher of woken) sender.wake(keyOf(pusher))
  }

  async #pushesFor(
    userId: UserId,
    from: Position,
    to: Position,
    touched: ReadonlySet<RoomId> | undefined,
  ): Promise<readonly Push[]> {
    const pushes: Push[] = []
    for (const row of await this.#deps.reader.roomsOf(userId)) {
      if (row.membership === 'invite' && row.position > from && row.position <= to) {
        pushes.push(...(await this.#invite(userId, row)))
      } else if (row.membership === 'join' && (await this.#hasNews(row.roomId, from, touched))) {
        pushes.push(...(await this.#events(userId, row.roomId, from, to)))
      }
    }
    return pushes
  }

  async #hasNews(roomId: RoomId, from: Position, touched: ReadonlySet<RoomId> | undefined): Promise<boolean> {
    return touched ? touched.has(roomId) : (await this.#deps.reader.lastChange(roomId)) > from
  }

  async #invite(userId: UserId, row: RoomMembership): Promise<readonly Push[]> {
    const { accountData, push } = this.#deps
    if ((await ignoredUsers(accountData, userId)).has(row.sender)) return []
    if ((await invitePolicy(accountData)(row.sender, userId)) === 'block') return []
    const outcome = await push.inviteOutcome(userId, row)
    return outcome ? [{ roomId: row.roomId, eventId: row.eventId, kind: 'invite', tweaks: outcome.tweaks }] : []
  }

  async #events(userId: UserId, roomId: RoomId, from: Position, to: Position): Promise<readonly Push[]> {
    const { reader, push, clock } = this.#deps
    const view = await openRoom(this.#deps, roomId, userId)
    const floor = Math.max(from, await view.joinedAt())
    if (floor >= to) return []
    const slice = await reader.timeline(roomId, {
      direction: 'b',
      from: to,
      to: floor,
      limit: MAX_EVENTS_PER_ROOM,
    })
    const oldest = clock.now() - MAX_AGE_MS
    const shown = (await view.shown(slice.events)).filter(({ pdu }) => pdu.originServerTs >= oldest).reverse()
    const outcomes = await push.outcomes(userId, roomId, shown)
    return shown.flatMap(({ pdu }, index): Push[] => {
      const outcome = outcomes[index]
      return outcome ? [{ roomId, eventId: pdu.eventId, kind: 'event', tweaks: outcome.tweaks }] : []
    })
  }
}
