import type { ServerName } from '@starling/protocol'
import type { RequestError } from '../../net/requests/request-error.ts'
import { RoomError } from '../../room/room-error.ts'

/** Why each server that was asked did not help; the most telling reason becomes the user's. */
export class RemoteFailures {
  readonly #what: string
  #forbidden: string | undefined
  #incompatible: string | undefined
  #unknown = 0
  #other = 0
  #last: Error | undefined

  /** `what`: what was tried, as in "could not join the room". */
  constructor(what: string) {
    this.#what = what
  }

  request(error: RequestError): void {
    this.#last = error
    if (error.errcode === 'M_INCOMPATIBLE_ROOM_VERSION' || error.errcode === 'M_UNSUPPORTED_ROOM_VERSION') {
      this.#incompatible = error.message
    } else if (error.errcode === 'M_NOT_FOUND' || error.status === 404) this.#unknown++
    else if (error.errcode?.startsWith('M_UNABLE_TO_') || error.status === 403) this.#forbidden ??= error.message
    else this.#other++
  }

  /** The server answered, and its answer did not stand up to the checks. */
  lie(server: ServerName, reason: string): void {
    this.#other++
    this.#last = new Error(`${server}: ${reason}`)
  }

  incompatible(roomVersion: string): void {
    this.#incompatible = `The room has version ${roomVersion}, which this server does not support.`
  }

  toError(): RoomError {
    const options = this.#last ? { cause: this.#last } : undefined
    if (this.#incompatible !== undefined) return new RoomError('incompatible-room-version', this.#incompatible, options)
    if (this.#forbidden !== undefined) return new RoomError('forbidden', this.#forbidden, options)
    if (this.#unknown > 0 && this.#other === 0) {
      return new RoomError('unknown-room', `Could not ${this.#what}: no server that was asked knows the room.`, options)
    }
    return new RoomError('unreachable', `Could not ${this.#what}: no server of the room could be reached.`, options)
  }
}
