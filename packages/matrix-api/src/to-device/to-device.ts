import {
  type BatchOperation,
  type Clock,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type KeyValueStore,
  type Logger,
  parseUserId,
  type RandomBytes,
  type ServerName,
  serverOf,
  type UserId,
} from '@starling/protocol'
import type { DeviceStore } from '../devices/device-store.ts'
import type { DeviceFollower } from '../devices/ports.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { Outbound, StreamPositions } from '../ports.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { SeenIds } from '../store/seen-ids.ts'
import type { LocalAccounts } from '../sync/ports.ts'
import type { Inbox, InboxMessage } from './inbox.ts'
import { Outgoing } from './outgoing.ts'

export interface ToDeviceDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly positions: StreamPositions
  readonly inbox: Inbox
  readonly devices: DeviceStore
  readonly accounts: LocalAccounts
  readonly outbound: Pick<Outbound, 'toDevice'>
  readonly randomBytes: RandomBytes
  readonly logger: Logger
  /** For `Outgoing`. */
  readonly retryMs?: number
}

/** user id → device id or `*` → content. */
export type MessagesByUser = { readonly [userId: string]: { readonly [deviceId: string]: JsonObject } }

/** A to-device message from another server, as federation hands it over: `origin` is authenticated. */
export interface RemoteToDeviceMessage {
  readonly origin: ServerName
  readonly messageId: string
  readonly sender: UserId
  readonly type: string
  readonly messages: MessagesByUser
}

/** Transaction ids remembered per device, and message ids of all other servers together. */
const MAX_TRANSACTIONS_PER_DEVICE = 2_000
const MAX_REMOTE_MESSAGE_IDS = 50_000

/** Devices that one message from another server may reach; what is beyond is dropped. */
const MAX_REMOTE_RECIPIENTS = 1_000
/** UTF-16 units of one device's content from another server: an EDU's share of a 64 KiB message, with room. */
const MAX_REMOTE_CONTENT_LENGTH = 65_536
const MAX_TYPE_LENGTH = 255
const MAX_MESSAGE_ID_LENGTH = 255

const REMOTE = 'remote to-device messages'

interface Delivery {
  readonly userId: UserId
  readonly deviceId: string
  readonly content: JsonObject
}

/** Sends to-device messages to the inboxes of local devices and, through the outbox, to other servers. */
export class ToDevice implements DeviceFollower {
  readonly #deps: ToDeviceDeps
  readonly #transactions: SeenIds
  readonly #remoteIds: SeenIds
  readonly #queue = new KeyedQueue()
  readonly #outgoing: Outgoing

  constructor(deps: ToDeviceDeps) {
    this.#deps = deps
    this.#transactions = new SeenIds(deps.store, MAX_TRANSACTIONS_PER_DEVICE)
    this.#remoteIds = new SeenIds(deps.store, MAX_REMOTE_MESSAGE_IDS)
    this.#outgoing = new Outgoing(deps)
  }

  /** Hands to the outbox what a crash kept from it. */
  start(): Promise<void> {
    return this.#outgoing.flush()
  }

  stop(): void {
    this.#outgoing.stop()
  }

  /**
   * Sends once per transaction id of the device, also over a restart. Durable when it resolves. Throws `MatrixError` 400
   * for messages of the wrong shape.
   */
  async send(
    sender: { readonly userId: UserId; readonly deviceId: string },
    type: string,
    txnId: string,
    messages: JsonValue | undefined,
  ): Promise<void> {
    const { accounts } = this.#deps
    const checked = checkMessages(messages)
    const local = checked.filter(([userId]) => accounts.isLocal(userId))
    const remote = checked.filter(([userId]) => !accounts.isLocal(userId))
    const scope = scopeOf(sender.userId, sender.deviceId)
    await this.#queue.run(scope, async () => {
      const id = JSON.stringify([type, txnId])
      if (await this.#transactions.has(scope, id)) return
      const deliveries = await this.#resolve(local)
      await this.#commit(deliveries, sender.userId, type, [
        ...(await this.#transactions.add(scope, id)),
        ...(remote.length > 0
          ? [this.#outgoing.put({ sender: sender.userId, type, messages: fromEntries(remote) })]
          : []),
      ])
    })
    if (remote.length > 0) await this.#outgoing.flush()
  }

  /** Takes a message from another server, once per message id. What is forged or malformed is dropped. Durable when it resolves. */
  async deliver({ origin, messageId, sender, type, messages }: RemoteToDeviceMessage): Promise<void> {
    if (typeof sender !== 'string' || serverOf(sender) !== origin) return
    if (typeof messageId !== 'string' || messageId.length > MAX_MESSAGE_ID_LENGTH) return
    if (typeof type !== 'string' || type.length > MAX_TYPE_LENGTH) return
    const local = readableMessages(messages).filter(([userId]) => this.#deps.accounts.isLocal(userId))
    if (local.length === 0) return
    await this.#queue.run(REMOTE, async () => {
      const id = JSON.stringify([origin, messageId])
      if (await this.#remoteIds.has(REMOTE, id)) return
      const deliveries = (await this.#resolve(local)).slice(0, MAX_REMOTE_RECIPIENTS)
      await this.#commit(deliveries, sender, type, await this.#remoteIds.add(REMOTE, id))
    })
  }

  /** The transaction ids; waiting messages are the inbox's. */
  forgetDevice(userId: UserId, deviceId: string): Promise<readonly BatchOperation[]> {
    return this.#transactions.forget(scopeOf(userId, deviceId))
  }

  /** Unknown devices get nothing; `*` stands for all devices that are not named. */
  async #resolve(messages: readonly UserMessages[]): Promise<Delivery[]> {
    const deliveries: Delivery[] = []
    for (const [userId, byDevice] of messages) {
      for (const { deviceId } of await this.#deps.devices.list(userId)) {
        const content = byDevice.get(deviceId) ?? byDevice.get('*')
        if (content) deliveries.push({ userId, deviceId, content })
      }
    }
    return deliveries
  }

  async #commit(
    deliveries: readonly Delivery[],
    sender: UserId,
    type: string,
    operations: readonly BatchOperation[],
  ): Promise<void> {
    const { positions, inbox, store } = this.#deps
    const pending = positions.allocate()
    try {
      const rows: BatchOperation[] = []
      for (const { userId, deviceId, content } of deliveries) {
        const message: InboxMessage = { sender, type, content }
        rows.push(...(await inbox.add(userId, deviceId, pending.position, message)))
      }
      await store.batch([...rows, ...operations])
    } catch (error) {
      pending.abandon()
      throw error
    }
    pending.done({ users: [...new Set(deliveries.map(({ userId }) => userId))] })
  }
}

type UserMessages = readonly [userId: UserId, byDevice: ReadonlyMap<string, JsonObject>]

function checkMessages(messages: JsonValue | undefined): readonly UserMessages[] {
  if (messages === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: messages')
  if (!isJsonObject(messages)) throw new MatrixError(400, 'M_BAD_JSON', 'messages is not an object')
  return Object.entries(messages).map(([user, byDevice]) => {
    const userId = parseUserId(user)
    if (!userId) throw new MatrixError(400, 'M_INVALID_PARAM', 'messages has a key that is not a user id')
    if (!isJsonObject(byDevice)) throw new MatrixError(400, 'M_BAD_JSON', 'messages does not map users to devices')
    const contents = Object.entries(byDevice)
    if (!contents.every((entry): entry is [string, JsonObject] => isJsonObject(entry[1]))) {
      throw new MatrixError(400, 'M_BAD_JSON', 'messages has a content that is not an object')
    }
    return [userId, new Map(contents)]
  })
}

function readableMessages(messages: unknown): readonly UserMessages[] {
  if (!isJsonObject(messages)) return []
  return Object.entries(messages).flatMap(([user, byDevice]): UserMessages[] => {
    const userId = parseUserId(user)
    if (!userId || !isJsonObject(byDevice)) return []
    const contents = Object.entries(byDevice).filter(
      (entry): entry is [string, JsonObject] =>
        isJsonObject(entry[1]) && JSON.stringify(entry[1]).length <= MAX_REMOTE_CONTENT_LENGTH,
    )
    return [[userId, new Map(contents)]]
  })
}

function fromEntries(messages: readonly UserMessages[]): MessagesByUser {
  return Object.fromEntries(messages.map(([userId, byDevice]) => [userId, Object.fromEntries(byDevice)]))
}

function scopeOf(userId: UserId, deviceId: string): string {
  return JSON.stringify([userId, deviceId])
}
