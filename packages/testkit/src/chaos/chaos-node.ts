import { OwnerClient } from '../clients/owner-client.ts'
import type { LanNode } from '../namespaces/lan.ts'
import { StarlingProcess } from '../processes/starling-process.ts'

/** Inside its namespace every node serves here, so that its clients find it again after a restart. */
const PORT = 8008

const FLAGS: readonly string[] = [
  ...['--element-listen', 'off'],
  ...['--bootstrap', 'none'],
  ...['--listen', `127.0.0.1:${PORT}`],
  ...['--registration', 'open'],
  ...['--rate-limits', 'off'],
  ...['--log-level', process.env.STARLING_CHAOS_LOG ?? 'warn'],
]

/** A node on the LAN with its owner and one more user, the guest, who is thrown out and comes back. */
export class ChaosNode implements AsyncDisposable {
  readonly process: StarlingProcess
  readonly owner: OwnerClient
  readonly guest: OwnerClient
  readonly ownerId: string
  readonly guestId: string
  readonly number: number
  /** Set while the process is stopped by SIGSTOP. */
  #paused = 0

  private constructor(
    number: number,
    process: StarlingProcess,
    owner: OwnerClient,
    guest: OwnerClient,
    guestId: string,
  ) {
    this.number = number
    this.process = process
    this.owner = owner
    this.guest = guest
    this.ownerId = process.info.user_id
    this.guestId = guestId
  }

  static async start(number: number, { namespace }: LanNode): Promise<ChaosNode> {
    const prefix = ['ip', 'netns', 'exec', namespace.name]
    const process = await StarlingProcess.start({ prefix, flags: FLAGS })
    try {
      const baseUrl = `http://127.0.0.1:${await namespace.forward(PORT)}`
      const owner = new OwnerClient({ ...process.ownerSession(), baseUrl })
      const anyone = new OwnerClient({ baseUrl, accessToken: '' })
      const registration = {
        username: `guest${number}`,
        password: 'chaos in the network',
        auth: { type: 'm.login.dummy' },
      }
      const { access_token: accessToken, user_id: guestId } = await anyone.ok('POST', 'register', registration)
      const guest = new OwnerClient({ baseUrl, accessToken: String(accessToken) })
      return new ChaosNode(number, process, owner, guest, String(guestId))
    } catch (error) {
      await process[Symbol.asyncDispose]()
      throw error
    }
  }

  pause(): void {
    this.#paused = this.process.pid
    globalThis.process.kill(this.#paused, 'SIGSTOP')
  }

  goOn(): void {
    if (this.#paused > 0) globalThis.process.kill(this.#paused, 'SIGCONT')
    this.#paused = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.goOn()
    await this.process[Symbol.asyncDispose]()
  }
}
