import { logInOn, registerOn, SdkInProcess, type SdkOptions } from '@starling/testkit'
import { type NodePair, startNodePair } from '../scenarios/node-pair.ts'

/** Everybody's. */
export const PASSWORD = 'a password for one test'

/** Two nodes that have met, shared by all suites of a file, and the people on them, each with a stock client. */
export class SdkWorld implements AsyncDisposable {
  readonly #things = new AsyncDisposableStack()
  #nodes: NodePair | undefined
  #accounts = 0

  async start(): Promise<void> {
    this.#nodes = this.#things.use(await startNodePair())
  }

  get nodes(): NodePair {
    if (!this.#nodes) throw new Error('the nodes are not started yet')
    return this.#nodes
  }

  /** Somebody new on the first node. */
  newcomer(options?: SdkOptions): Promise<SdkInProcess> {
    return this.#register(this.nodes.one.info.client_api, options)
  }

  /** Somebody new on the other node. */
  stranger(options?: SdkOptions): Promise<SdkInProcess> {
    return this.#register(this.nodes.other.info.client_api, options)
  }

  /** One more device of somebody, logged in by password. */
  async newDevice(of: SdkInProcess, options?: SdkOptions): Promise<SdkInProcess> {
    const session = await logInOn(of.client.getHomeserverUrl(), of.userId, PASSWORD)
    return this.#things.use(await SdkInProcess.start(session, options))
  }

  /** A room of the host's in which all see all as joined. @returns its id. */
  async room(host: SdkInProcess, guests: readonly SdkInProcess[], options: object = {}): Promise<string> {
    const invite = guests.map(({ userId }) => userId)
    const { room_id: roomId } = await host.client.createRoom({ preset: 'private_chat', ...options, invite } as object)
    for (const guest of guests) await guest.accept(roomId)
    const all = [host, ...guests]
    for (const sdk of all) for (const { userId } of all) await sdk.untilMembership(roomId, userId, 'join')
    return roomId
  }

  async #register(baseUrl: string, options?: SdkOptions): Promise<SdkInProcess> {
    this.#accounts += 1
    const session = await registerOn(baseUrl, `person${this.#accounts}`, PASSWORD)
    return this.#things.use(await SdkInProcess.start(session, options))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#things.disposeAsync()
  }
}
