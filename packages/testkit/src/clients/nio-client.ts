import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { AgentProcess } from '../processes/json-lines.ts'
import type { WhoAmI } from './sdk-types.ts'

const AGENT = fileURLToPath(import.meta.resolve('./nio-agent.py'))

/** The Debian package comes with the system's Python, which need not be the first on `PATH`. */
const PYTHONS: readonly string[] = ['python3', '/usr/bin/python3']

/** As long as Python may take to start on a busy machine. Milliseconds. */
const START_LIMIT_MS = 60_000

/** A text message as matrix-nio tells of it. */
export interface HeardText {
  readonly eventId: string
  readonly sender: string
  readonly body: string
  /** True where it came encrypted and could be decrypted. */
  readonly encrypted: boolean
}

/** Why matrix-nio with its encryption cannot be driven here; undefined where it can. */
export function whyNoNio(): string | undefined {
  return pythonWithNio() === undefined
    ? 'needs matrix-nio with encryption: Debian’s python3-matrix-nio (with python3-olm) or what equals it'
    : undefined
}

/** matrix-nio (Python, encryption by libolm) in a process of its own. */
export class NioClient implements AsyncDisposable {
  readonly userId: string
  readonly deviceId: string
  readonly #agent: AgentProcess

  private constructor(agent: AgentProcess, { userId, deviceId }: WhoAmI) {
    this.#agent = agent
    this.userId = userId
    this.deviceId = deviceId
  }

  /** Logs in by password and starts to sync. */
  static async logIn(baseUrl: string, user: string, password: string): Promise<NioClient> {
    const python = pythonWithNio()
    if (python === undefined) throw new Error(whyNoNio())
    const agent = new AgentProcess('matrix-nio', [python, AGENT])
    try {
      return new NioClient(agent, await agent.call<WhoAmI>('logIn', baseUrl, user, password))
    } catch (error) {
      await agent.stop()
      throw error
    }
  }

  /** Joins once invited. @returns what the invite showed. */
  accept(roomId: string): Promise<{ readonly inviter: string; readonly name: string }> {
    return this.#agent.call('accept', roomId)
  }

  /** The room once so many are in it. */
  room(
    roomId: string,
    members: number,
  ): Promise<{ readonly name: string; readonly encrypted: boolean; readonly members: readonly string[] }> {
    return this.#agent.call('room', roomId, members)
  }

  sendText(roomId: string, body: string): Promise<string> {
    return this.#agent.call('sendText', roomId, body)
  }

  waitForText(roomId: string, body: string): Promise<HeardText> {
    return this.#agent.call('waitForText', roomId, body)
  }

  /** Who types, once somebody does. */
  typists(roomId: string): Promise<readonly string[]> {
    return this.#agent.call('typists', roomId)
  }

  /** The event up to which somebody has read, once they have told. */
  readBy(roomId: string, userId: string): Promise<string> {
    return this.#agent.call('readBy', roomId, userId)
  }

  async markRead(roomId: string, eventId: string): Promise<void> {
    await this.#agent.call('markRead', roomId, eventId)
  }

  /** @returns its `mxc:` address. */
  upload(text: string): Promise<string> {
    return this.#agent.call('upload', text)
  }

  /** By the old route without a token, which is all that this client knows. */
  download(mxc: string): Promise<{ readonly type: string; readonly text: string }> {
    return this.#agent.call('download', mxc)
  }

  async logOut(): Promise<void> {
    await this.#agent.call('logOut')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.stop()
  }
}

function pythonWithNio(): string | undefined {
  const needed = 'import nio, sys; sys.exit(not nio.crypto.ENCRYPTION_ENABLED)'
  return PYTHONS.find((python) => spawnSync(python, ['-c', needed], { timeout: START_LIMIT_MS }).status === 0)
}
