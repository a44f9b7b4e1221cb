import type { AbortOptions, JsonObject, RoomId, ServerName } from '@starling/protocol'
import { JsonError, parseRoomId } from '@starling/protocol'
import type { ServerRequests } from '../../contracts.ts'
import type { PeerId, Transport } from '../../ports.ts'
import { LruMap } from '../../store/lru-map.ts'
import type { ServerKeyRing } from '../identity/key-ring.ts'
import { netLimits } from '../limits.ts'
import { type Ground, withTimeout } from '../ports.ts'
import type { SharedRooms } from '../shared-rooms.ts'
import {
  type AnswerEnvelope,
  isSignedByOrigin,
  newNonce,
  parseAnswer,
  type RequestMethod,
  sealEnvelope,
} from './envelope.ts'
import type { Reach } from './reach.ts'
import { RequestError } from './request-error.ts'
import { CLOCK_ERRCODE, REQUEST_PROTOCOL } from './request-server.ts'

export interface RequestClientParts {
  readonly ground: Ground
  readonly transport: Transport
  readonly keyRing: ServerKeyRing
  readonly sharedRooms: SharedRooms
  readonly reach: Reach
  /** `off` only in the twin test that shows what it is for. */
  readonly answerCheck?: 'on' | 'off'
}

interface Question {
  readonly destination: ServerName
  readonly method: RequestMethod
  readonly uri: string
  readonly content: JsonObject | undefined
  readonly maxResponseBytes: number
  readonly signal: AbortSignal
}

/** The asking side of `/starling/request/1`. */
export class RequestClient implements ServerRequests {
  readonly #parts: RequestClientParts
  /** How far a server's clock is ahead of ours, where that mattered; the least recently used is dropped first. */
  readonly #clocks = new LruMap<ServerName, number>(netLimits.destinationsRemembered)

  constructor(parts: RequestClientParts) {
    this.#parts = parts
  }

  async request(
    destination: ServerName,
    method: RequestMethod,
    uri: string,
    content?: JsonObject,
    options: AbortOptions & { readonly maxResponseBytes?: number; readonly timeoutMs?: number } = {},
  ): Promise<JsonObject> {
    if (destination === this.#parts.keyRing.serverName) {
      throw new RequestError('refused', 'a server does not ask itself', { status: 400, errcode: 'M_UNKNOWN' })
    }
    const question: Question = {
      destination,
      method,
      uri,
      content,
      maxResponseBytes: options.maxResponseBytes ?? netLimits.answerBytes,
      signal: withTimeout(options.timeoutMs ?? netLimits.requestTimeoutMs, options),
    }
    let failure: RequestError | undefined
    for (const peer of (await this.#parts.reach.peersOf(destination, question)).slice(0, netLimits.peersTried)) {
      const answer = await this.#ask(peer, question)
      if (!(answer instanceof RequestError)) return answer
      failure = answer
      if (question.signal.aborted) throw failure
    }
    for (const peer of this.#relays(destination, uri)) {
      const answer = await this.#ask(peer, question)
      if (!(answer instanceof RequestError)) return answer
      failure ??= answer
      if (question.signal.aborted) break
    }
    throw failure ?? new RequestError('unreachable', `no way to ${destination}`)
  }

  byReach(servers: Iterable<ServerName>): ServerName[] {
    const connected = (server: ServerName) => (this.#parts.keyRing.peersOf(server).length > 0 ? 0 : 1)
    return [...servers].sort((a, b) => connected(a) - connected(b))
  }

  /**
   * One attempt over one peer (the destination's own, or a relay's), and one more where the clocks disagree. Returns errors after
   * which another peer may do better, throws those that are the destination's own word.
   */
  async #ask(peer: PeerId, question: Question): Promise<JsonObject | RequestError> {
    const first = await this.#attempt(peer, question)
    if (!(first instanceof RequestError) && isClockRefusal(first)) {
      this.#clocks.set(question.destination, Number(first.content.server_ts) - this.#parts.ground.clock.now())
      return this.#result(await this.#attempt(peer, question), question)
    }
    return this.#result(first, question)
  }

  #result(answer: AnswerEnvelope | RequestError, { destination }: Question): JsonObject | RequestError {
    if (answer instanceof RequestError) return answer
    if (answer.status === 200) return answer.content
    const { errcode, error } = answer.content
    throw new RequestError('refused', typeof error === 'string' ? error : `${destination} refused`, {
      status: answer.status,
      errcode: typeof errcode === 'string' ? errcode : 'M_UNKNOWN',
    })
  }

  async #attempt(peer: PeerId, question: Question): Promise<AnswerEnvelope | RequestError> {
    const { ground, transport } = this.#parts
    const nonce = newNonce(ground.randomBytes)
    const request = this.#seal(question, nonce)
    let bytes: Uint8Array
    try {
      bytes = await transport.request(peer, REQUEST_PROTOCOL, request, {
        signal: question.signal,
        maxResponseBytes: question.maxResponseBytes + netLimits.serverKeysBytes + 4096,
      })
    } catch (cause) {
      const code = question.signal.aborted ? 'timeout' : 'unreachable'
      return new RequestError(code, `${question.destination} did not answer`, { cause })
    }
    return this.#check(bytes, question, nonce)
  }

  #seal(question: Question, nonce: string): Uint8Array {
    const { ground, keyRing } = this.#parts
    const fields = {
      method: question.method,
      uri: question.uri,
      origin: keyRing.serverName,
      destination: question.destination,
      origin_server_ts: ground.clock.now() + (this.#clocks.get(question.destination) ?? 0),
      nonce,
    }
    try {
      return sealEnvelope(question.content ? { ...fields, content: question.content } : fields, keyRing)
    } catch (cause) {
      if (!(cause instanceof JsonError)) throw cause
      throw new RequestError('malformed', 'the content of the request is no canonical JSON', { cause })
    }
  }

  /** Only what the destination itself has signed, for this very request, is its answer; a relay's word is not. */
  async #check(bytes: Uint8Array, question: Question, nonce: string): Promise<AnswerEnvelope | RequestError> {
    const { ground, keyRing, sharedRooms, answerCheck } = this.#parts
    const { destination } = question
    const answer = parseAnswer(bytes)
    if (!answer) return malformed('the answer is none')
    if (answerCheck === 'off') return answer
    if (answer.nonce !== nonce || answer.destination !== keyRing.serverName)
      return malformed('an answer to something else')
    if (answer.origin !== destination) return new RequestError('unreachable', `${destination} was not reached by relay`)
    const admitted = await keyRing.admit(answer.serverKeys, { keep: sharedRooms.isNeighbour(destination) })
    if (!admitted.ok || admitted.server !== destination) return malformed('the keys of the answer do not verify')
    if (!(await isSignedByOrigin(answer, keyRing, ground.crypto.ed25519))) return malformed('the signature is wrong')
    return answer
  }

  /**
   * Connected peers of servers that may pass the request on. A request that names a room goes only through members of that
   * room, since a relay reads what it passes on; if the room is not known here, through nobody.
   */
  #relays(destination: ServerName, uri: string): PeerId[] {
    const { keyRing, sharedRooms } = this.#parts
    const roomId = roomNamedIn(uri)
    const known = sharedRooms.roomsWith(destination)
    const rooms = roomId ? (sharedRooms.has(roomId) ? [roomId] : []) : known.length > 0 ? known : sharedRooms.rooms()
    const servers = new Set<ServerName>()
    for (const room of rooms) {
      for (const server of sharedRooms.serversIn(room)) if (server !== destination) servers.add(server)
    }
    return [...servers].flatMap((server) => keyRing.peersOf(server).slice(0, 1)).slice(0, netLimits.relaysTried)
  }
}

function roomNamedIn(uri: string): RoomId | undefined {
  const path = uri.split('?', 1)[0] ?? ''
  for (const segment of path.split('/')) {
    const roomId = /^(!|%21)/i.test(segment) ? parseRoomId(decodeURIComponent(segment)) : undefined
    if (roomId) return roomId
  }
  return undefined
}

/** A clock beyond this shows no time that a request could be dated by: it is not believed. */
const LATEST_CLOCK = Date.UTC(2200, 0)

function isClockRefusal({ status, content }: AnswerEnvelope): boolean {
  if (status !== 400 || content.errcode !== CLOCK_ERRCODE || typeof content.server_ts !== 'number') return false
  return content.server_ts >= 0 && content.server_ts < LATEST_CLOCK
}

function malformed(message: string): RequestError {
  return new RequestError('malformed', message)
}
