import type { Endpoint } from '../http/endpoint.ts'
import type { EphemeralDeps } from './deps.ts'
import { postReceipt } from './post-receipt.ts'
import { getPresence, setPresence } from './presence-status.ts'
import { setReadMarkers } from './set-read-markers.ts'
import { setTyping } from './set-typing.ts'

/** Client-Server API modules "Typing Notifications", "Receipts", "Read and unread markers", "Presence". */
export function ephemeralEndpoints(deps: EphemeralDeps): Endpoint[] {
  return [setTyping(deps), postReceipt(deps), setReadMarkers(deps), getPresence(deps), setPresence(deps)]
}
