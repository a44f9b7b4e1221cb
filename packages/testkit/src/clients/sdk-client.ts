import { fileURLToPath } from 'node:url'
import { AgentProcess } from '../processes/json-lines.ts'
import type { Condition, SdkSession, SeenEvent, SeenRoom, WhoAmI } from './sdk-types.ts'

const AGENT = fileURLToPath(import.meta.resolve('./sdk-agent.ts'))

/** matrix-js-sdk with its Rust crypto, in a process of its own that may stand in a network namespace. */
export class SdkClient implements AsyncDisposable {
  readonly userId: string
  readonly deviceId: string
  readonly #agent: AgentProcess

  private constructor(me: WhoAmI, agent: AgentProcess) {
    this.userId = me.userId
    this.deviceId = me.deviceId
    this.#agent = agent
  }

  /** Starts the client and waits for its first sync. `prefix` goes before the command (`ip netns exec NAME`). */
  static async start(session: SdkSession, prefix: readonly string[] = []): Promise<SdkClient> {
    const agent = new AgentProcess(`client of ${session.baseUrl}`, [...prefix, process.execPath, AGENT])
    return new SdkClient(await agent.call<WhoAmI>('start', session), agent)
  }

  createRoom(options: object): Promise<string> {
    return this.#agent.call('createRoom', options)
  }

  invite(roomId: string, userId: string): Promise<unknown> {
    return this.#agent.call('invite', roomId, userId)
  }

  join(roomId: string, via: readonly string[] = []): Promise<string> {
    return this.#agent.call('join', roomId, via)
  }

  leave(roomId: string): Promise<unknown> {
    return this.#agent.call('leave', roomId)
  }

  kick(roomId: string, userId: string, reason: string): Promise<unknown> {
    return this.#agent.call('kick', roomId, userId, reason)
  }

  ban(roomId: string, userId: string, reason: string): Promise<unknown> {
    return this.#agent.call('ban', roomId, userId, reason)
  }

  /** @returns the event id. Encrypted where the room is. */
  sendText(roomId: string, body: string): Promise<string> {
    return this.#agent.call('sendText', roomId, body)
  }

  redact(roomId: string, eventId: string): Promise<string> {
    return this.#agent.call('redact', roomId, eventId)
  }

  sendTyping(roomId: string, typing: boolean): Promise<unknown> {
    return this.#agent.call('sendTyping', roomId, typing)
  }

  sendReceipt(roomId: string, eventId: string): Promise<unknown> {
    return this.#agent.call('sendReceipt', roomId, eventId)
  }

  setDisplayName(name: string): Promise<unknown> {
    return this.#agent.call('setDisplayName', name)
  }

  /** @returns the avatar's `mxc:` URI. */
  setAvatar(image: Uint8Array, type: string): Promise<string> {
    return this.#agent.call('setAvatar', Buffer.from(image).toString('base64'), type)
  }

  searchUsers(term: string): Promise<{ user_id: string; display_name?: string }[]> {
    return this.#agent.call('searchUsers', term)
  }

  profile(userId: string): Promise<{ displayname?: string; avatar_url?: string }> {
    return this.#agent.call('profile', userId)
  }

  async download(mxc: string): Promise<Uint8Array> {
    return Buffer.from(await this.#agent.call<string>('download', mxc), 'base64')
  }

  room(roomId: string): Promise<SeenRoom> {
    return this.#agent.call('room', roomId)
  }

  /** Every message of the room, oldest first, scrolling up to its beginning. */
  history(roomId: string): Promise<SeenEvent[]> {
    return this.#agent.call('history', roomId)
  }

  /** The room's whole current state as its server has it: `type key event-id`, sorted. */
  serverState(roomId: string): Promise<string[]> {
    return this.#agent.call('serverState', roomId)
  }

  /** Device ids of a user, asked of the server. */
  devicesOf(userId: string): Promise<string[]> {
    return this.#agent.call('devicesOf', userId)
  }

  bootstrapCrossSigning(password?: string): Promise<unknown> {
    return this.#agent.call('bootstrapCrossSigning', password)
  }

  waitFor<T = unknown>(condition: Condition): Promise<T> {
    return this.#agent.call('waitFor', condition)
  }

  /** The room id of an invite, once there is one. */
  waitForInvite(from?: string): Promise<string> {
    return this.waitFor({ kind: 'invited', ...(from === undefined ? {} : { from }) })
  }

  /** The message with this text, decrypted, once it is there. */
  waitForText(roomId: string, body: string): Promise<SeenEvent> {
    return this.waitFor({ kind: 'message', roomId, body })
  }

  stop(): Promise<void> {
    return this.#agent.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
