import './quiet-sdk-logger.ts'
import {
  EventTimeline,
  type ICreateClientOpts,
  type IStartClientOpts,
  type MatrixClient,
  type MatrixEvent,
  type Room,
  SyncState,
} from 'matrix-js-sdk'
import type { CryptoApi } from 'matrix-js-sdk/lib/crypto-api/index.js'
import type { SlidingSync } from 'matrix-js-sdk/lib/sliding-sync.js'
import { eventually } from '../eventually.ts'
import { letGoOfLongTimers } from './let-go-of-long-timers.ts'
import { makeSdk, makeSdkWithoutSession } from './make-sdk.ts'
import type { SdkSession } from './sdk-types.ts'

/** Longest wait for anything, on a busy machine. Milliseconds. */
const WAIT_LIMIT_MS = 60_000

const START: IStartClientOpts = { initialSyncLimit: 100, pollTimeout: 10_000, threadSupport: true }

export interface SdkOptions {
  readonly client?: Partial<ICreateClientOpts>
  readonly start?: IStartClientOpts
  /** Syncs by this in the place of `/sync`. */
  readonly slidingSync?: (client: MatrixClient) => SlidingSync
}

/** matrix-js-sdk with its Rust crypto in this very process: for tests that use more of it than `SdkClient`'s agent offers. */
export class SdkInProcess implements AsyncDisposable {
  readonly client: MatrixClient
  readonly userId: string
  readonly deviceId: string

  private constructor(client: MatrixClient, userId: string, deviceId: string) {
    this.client = client
    this.userId = userId
    this.deviceId = deviceId
  }

  /** Starts the client and waits for its first sync. */
  static async start(session: SdkSession, options: SdkOptions = {}): Promise<SdkInProcess> {
    letGoOfLongTimers()
    const { client, me } = await makeSdk(session, options.client)
    const sdk = new SdkInProcess(client, me.userId, me.deviceId)
    const slidingSync = options.slidingSync?.(client)
    await client.startClient({ ...START, ...options.start, ...(slidingSync && { slidingSync }) })
    await sdk.until('the first sync is done', () => client.getSyncState() === SyncState.Syncing)
    return sdk
  }

  get crypto(): CryptoApi {
    const crypto = this.client.getCrypto()
    if (!crypto) throw new Error('this client has no crypto')
    return crypto
  }

  /** What `look` gives as soon as that is neither undefined nor false. @throws Error after a minute. */
  until<T>(what: string, look: () => T | Promise<T>): Promise<Exclude<T, undefined | false>> {
    return eventually(`${this.userId}: ${what}`, look, WAIT_LIMIT_MS)
  }

  /** @throws Error where the client knows no such room. */
  room(roomId: string): Room {
    const room = this.client.getRoom(roomId)
    if (!room) throw new Error(`the client knows no room ${roomId}`)
    return room
  }

  /** Once this user is invited to it. */
  async accept(roomId: string): Promise<void> {
    await this.untilMembership(roomId, this.userId, 'invite')
    await this.client.joinRoom(roomId)
  }

  untilMembership(roomId: string, userId: string, membership: string): Promise<unknown> {
    return this.until(`${userId} is at ${membership}`, () => {
      return this.client.getRoom(roomId)?.getMember(userId)?.membership === membership
    })
  }

  /** The event, decrypted, once it is there. */
  untilEvent(roomId: string, eventId: string): Promise<MatrixEvent> {
    return this.until(`${eventId} is there and decrypted`, () => {
      const event = this.client.getRoom(roomId)?.findEventById(eventId)
      return event !== undefined && !event.isDecryptionFailure() && !event.isBeingDecrypted() ? event : undefined
    })
  }

  /** The content of a state event as this client has it. */
  stateContent(roomId: string, type: string, stateKey = ''): Readonly<Record<string, unknown>> | undefined {
    const state = this.client.getRoom(roomId)?.getLiveTimeline().getState(EventTimeline.FORWARDS)
    return state?.getStateEvents(type, stateKey)?.getContent()
  }

  async sendText(roomId: string, body: string): Promise<string> {
    return (await this.client.sendTextMessage(roomId, body)).event_id
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.stopClient()
  }
}

/** A new account on a node that lets one register; its password is asked for where the user has to prove who they are. */
export async function registerOn(baseUrl: string, username: string, password: string): Promise<SdkSession> {
  const answer = await makeSdkWithoutSession(baseUrl).registerRequest({
    ...{ username, password, auth: { type: 'm.login.dummy' } },
  })
  if (answer.access_token === undefined) throw new Error('registered without a session')
  return { baseUrl, accessToken: answer.access_token }
}

/** A session on a new device, by password. */
export async function logInOn(baseUrl: string, user: string, password: string): Promise<SdkSession> {
  const answer = await makeSdkWithoutSession(baseUrl).loginRequest({
    ...{ type: 'm.login.password', identifier: { type: 'm.id.user', user }, password },
  })
  return { baseUrl, accessToken: answer.access_token }
}
