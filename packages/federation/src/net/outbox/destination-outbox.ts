import type { JsonObject, ServerName } from '@starling/protocol'
import { canonicalBytes, encodeBase64Url } from '@starling/protocol'
import type { ServerRequests } from '../../contracts.ts'
import type { PeerBindings } from '../identity/peer-bindings.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import { RequestError } from '../requests/request-error.ts'
import { DestinationRows, type OutboxItemRow } from './destination-rows.ts'

export interface DestinationOutboxParts {
  readonly ground: Ground
  readonly requests: Pick<ServerRequests, 'request'>
  readonly bindings: Pick<PeerBindings, 'watch'>
  readonly serverName: ServerName
}

interface Sending {
  failures: number
  cancel: (() => void) | undefined
  running: boolean
  /** Asked for while running: look once more. */
  again: boolean
}

/**
 * What has to reach one server sooner or later: to-device messages, device list and signing key updates, invites. Durable
 * before it is acknowledged, sent in order per server (EDUs as transactions of up to 100), again with growing pauses
 * and at once when the server is met. A receiver may see something twice and knows it by transaction and message id.
 */
export class DestinationOutbox {
  readonly #parts: DestinationOutboxParts
  readonly #rows: DestinationRows
  /** One entry per server that something waits for. */
  readonly #sending = new Map<ServerName, Sending>()
  readonly #waiting: ServerName[] = []
  readonly #idle = new Set<() => void>()
  readonly #stopping = new AbortController()
  #active = 0
  #unwatch: (() => void) | undefined

  constructor(parts: DestinationOutboxParts) {
    this.#parts = parts
    this.#rows = new DestinationRows(parts.ground.store, parts.ground.clock)
  }

  async start(): Promise<void> {
    for (const server of await this.#rows.open()) this.#kick(server)
    this.#unwatch = this.#parts.bindings.watch({ met: (server) => this.#met(server) })
  }

  /** What is being sent is given up; its rows stay. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'))
    this.#unwatch?.()
    this.#waiting.length = 0
    for (const sending of this.#sending.values()) sending.cancel?.()
    await this.settled()
  }

  /** @throws JsonError for an EDU that is no canonical JSON: it could never be signed, and would block what comes after. */
  async addEdu(servers: Iterable<ServerName>, edu: JsonObject): Promise<void> {
    await this.#add([...servers].map((server) => [server, { kind: 'edu', edu }] as const))
  }

  async addEdus(edus: readonly (readonly [ServerName, JsonObject])[]): Promise<void> {
    await this.#add(edus.map(([server, edu]) => [server, { kind: 'edu', edu }] as const))
  }

  async addRequest(server: ServerName, method: 'PUT' | 'POST', uri: string, content: JsonObject): Promise<void> {
    await this.#add([[server, { kind: 'request', method, uri, content }]])
  }

  /** True while something waits for the server. */
  waitsFor(server: ServerName): boolean {
    return this.#rows.has(server)
  }

  /** Resolves once nothing is being sent; what has to be tried again later may still wait. */
  async settled(): Promise<void> {
    while (this.#active > 0) await new Promise<void>((resolve) => this.#idle.add(resolve))
  }

  async #add(items: Parameters<DestinationRows['add']>[0]): Promise<void> {
    for (const [, item] of items) canonicalBytes(item.kind === 'edu' ? item.edu : item.content)
    const foreign = items.filter(([server]) => server !== this.#parts.serverName)
    if (foreign.length === 0) return
    const dropped = await this.#rows.add(foreign)
    if (dropped > 0) {
      this.#parts.ground.count('outbox_dropped', 'oldest')
      this.#parts.ground.logger.warn({ dropped }, 'the outbox of a server is full: its oldest entries were dropped')
    }
    for (const server of new Set(foreign.map(([server]) => server))) {
      // A server that failed a moment ago is not asked at every new item: its pause goes on.
      if (!this.#sending.get(server)?.cancel) this.#kick(server)
    }
  }

  #met(server: ServerName): void {
    const sending = this.#sending.get(server)
    if (sending) sending.failures = 0
    if (this.#rows.has(server)) this.#kick(server)
  }

  #kick(server: ServerName): void {
    if (this.#stopping.signal.aborted) return
    const sending = this.#sending.get(server) ?? { failures: 0, cancel: undefined, running: false, again: false }
    this.#sending.set(server, sending)
    sending.again = true
    sending.cancel?.()
    sending.cancel = undefined
    if (sending.running || this.#waiting.includes(server)) return
    if (this.#active >= netLimits.sendsAtOnce) {
      this.#waiting.push(server)
      return
    }
    this.#active += 1
    void this.#run(server, sending)
  }

  async #run(server: ServerName, sending: Sending): Promise<void> {
    sending.running = true
    try {
      while (sending.again && !this.#stopping.signal.aborted) {
        sending.again = false
        await this.#sendAll(server, sending)
      }
    } catch (error) {
      this.#parts.ground.logger.error({ server, error }, 'sending from the outbox failed')
      this.#later(server, sending)
    }
    sending.running = false
    this.#active -= 1
    if (!this.#rows.has(server) && !sending.cancel) this.#sending.delete(server)
    const next = this.#waiting.shift()
    if (next) this.#kick(next)
    if (this.#active > 0) return
    for (const wake of this.#idle) wake()
    this.#idle.clear()
  }

  async #sendAll(server: ServerName, sending: Sending): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const rows = await this.#rows.first(server, netLimits.edusPerTransaction)
      const batch = nextBatch(rows)
      if (batch.length === 0) return
      const sent = await this.#send(server, batch)
      if (!sent) return this.#later(server, sending)
      sending.failures = 0
      await this.#rows.remove(
        server,
        batch.map(({ sequence }) => sequence),
      )
    }
  }

  /** True if it has arrived, or been refused for good. */
  async #send(server: ServerName, batch: readonly OutboxItemRow[]): Promise<boolean> {
    const { ground, requests } = this.#parts
    const [method, uri, content] = this.#request(batch)
    try {
      await requests.request(server, method, uri, content, {
        timeoutMs: netLimits.sendTimeoutMs,
        signal: this.#stopping.signal,
      })
      return true
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      if (!isFinal(error)) {
        ground.logger.debug({ server, code: error.code, status: error.status }, 'could not send from the outbox')
        return false
      }
      ground.count('outbox_refused', error.errcode ?? error.code)
      ground.logger.warn({ server, errcode: error.errcode, uri }, 'a server refused what waited for it')
      return true
    }
  }

  #request(batch: readonly OutboxItemRow[]): [method: 'PUT' | 'POST', uri: string, content: JsonObject] {
    const [first] = batch
    if (first?.item.kind === 'request') return [first.item.method, first.item.uri, first.item.content]
    const { ground, serverName } = this.#parts
    const edus = batch.flatMap(({ item }) => (item.kind === 'edu' ? [item.edu] : []))
    // The same rows give the same id after a crash, other rows another one.
    const digest = encodeBase64Url(ground.crypto.sha256(canonicalBytes(edus))).slice(0, 16)
    const uri = `/_matrix/federation/v1/send/${first?.sequence ?? 0}-${digest}`
    return ['PUT', uri, { origin: serverName, origin_server_ts: ground.clock.now(), pdus: [], edus }]
  }

  #later(server: ServerName, sending: Sending): void {
    sending.again = false
    if (this.#stopping.signal.aborted) return
    const pause = Math.min(netLimits.sendRetryMs * 2 ** sending.failures, netLimits.sendRetryMaxMs)
    sending.failures = Math.min(sending.failures + 1, 20)
    sending.cancel = this.#parts.ground.timers.after(pause, () => this.#kick(server))
  }
}

/** One request, or the EDUs up to the next request, within the bounds of a transaction. */
function nextBatch(rows: readonly OutboxItemRow[]): readonly OutboxItemRow[] {
  if (rows[0]?.item.kind === 'request') return rows.slice(0, 1)
  let chars = 0
  let length = 0
  for (const { item } of rows) {
    if (item.kind === 'request') break
    chars += JSON.stringify(item.edu).length
    if (length > 0 && chars > netLimits.charsPerTransaction) break
    length += 1
  }
  return rows.slice(0, length)
}

/** The destination has understood it and will not have it: sending it again would block what stands behind it. */
function isFinal(error: RequestError): boolean {
  if (error.code === 'malformed') return false
  const { status } = error
  return error.code === 'refused' && status !== undefined && status >= 400 && status < 500 && status !== 429
}
