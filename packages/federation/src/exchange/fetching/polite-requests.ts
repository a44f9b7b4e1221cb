import type { AbortOptions, JsonObject, ServerName } from '@starling/protocol'
import type { ServerRequests } from '../../contracts.ts'
import { RequestError } from '../../net/requests/request-error.ts'
import { limits } from '../limits.ts'

type RequestOptions = AbortOptions & { readonly maxResponseBytes?: number; readonly timeoutMs?: number }

interface Lane {
  running: number
  readonly waiting: (() => void)[]
}

/**
 * Requests with a bound on how many are under way to one server. Those beyond `waitingPerServer` fail at once as `unreachable`:
 * whoever asks has other servers to ask.
 */
export class PoliteRequests implements ServerRequests {
  readonly #requests: ServerRequests
  readonly #lanes = new Map<ServerName, Lane>()

  constructor(requests: ServerRequests) {
    this.#requests = requests
  }

  async request(
    destination: ServerName,
    method: 'GET' | 'PUT' | 'POST',
    uri: string,
    content?: JsonObject,
    options?: RequestOptions,
  ): Promise<JsonObject> {
    await this.#enter(destination)
    try {
      return await this.#requests.request(destination, method, uri, content, options)
    } finally {
      this.#leave(destination)
    }
  }

  byReach(servers: Iterable<ServerName>): ServerName[] {
    return this.#requests.byReach(servers)
  }

  async #enter(server: ServerName): Promise<void> {
    const lane = this.#lanes.get(server) ?? { running: 0, waiting: [] }
    this.#lanes.set(server, lane)
    if (lane.running < limits.requestsPerServer) {
      lane.running++
      return
    }
    if (lane.waiting.length >= limits.waitingPerServer) {
      throw new RequestError('unreachable', 'too many requests to this server are under way')
    }
    // Whoever leaves hands its place over, so `running` stays as it is.
    await new Promise<void>((resolve) => lane.waiting.push(resolve))
  }

  #leave(server: ServerName): void {
    const lane = this.#lanes.get(server)
    const next = lane?.waiting.shift()
    if (next) next()
    else if (lane && --lane.running === 0) this.#lanes.delete(server)
  }
}
