import type { JoinProgress } from '@starling/federation'
import type { MatrixApi } from '@starling/matrix-api'
import type { Logger } from '@starling/protocol'
import type { JoinStatus } from '../control/control-routes.ts'
import type { OpenFederation } from './federation.ts'

/** A join as the node's own routes and the account data of its user show it. */
export function joinStatus({ roomId, userId, since, stage, events, total, resident }: JoinProgress): JoinStatus {
  return { room_id: roomId, user_id: userId, since, stage, events, total, resident: resident ?? null }
}

/** Shows a user's long joins to the user's clients, by account data (decision 0012). Returns the way to stop. */
export function showJoins(federation: OpenFederation, api: Pick<MatrixApi, 'showJoins'>, logger: Logger): () => void {
  return federation.exchange.joins.watch((userId, joins) => {
    api
      .showJoins(
        userId,
        joins.map((join) => ({ ...joinStatus(join) })),
      )
      .catch((error: unknown) => logger.warn({ error, userId }, 'the progress of joins could not be shown'))
  })
}
