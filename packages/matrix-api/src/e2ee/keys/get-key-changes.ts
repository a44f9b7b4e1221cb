import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { parsePosition } from '../../rooms/position-token.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'

/** `GET /keys/changes` (Client-Server API, "Tracking the device list for a user"). */
export function getKeyChanges({ deviceListChanges, positions }: E2eeEndpointDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/keys/changes',
    auth: 'token',
    async handle({ requester, query: { from, to } }) {
      if (from === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: from')
      const now = positions.current()
      // `to` is a hint: the newest change of a user is what the log holds, so the answer always goes up to now.
      if (to !== undefined) parsePosition(to, now)
      return deviceListChanges.changes(requester.userId, parsePosition(from, now), now)
    },
  })
}
