import type { UserId } from '@starling/protocol'
import { MatrixError } from '../../http/matrix-error.ts'
import { stringIn } from '../content.ts'
import type { RoomDeps } from '../deps.ts'

/** 403 `M_INVITE_BLOCKED` where a local user takes no invites (Client-Server API, "Invite permission"). */
export async function refuseBlockedInvite(
  deps: Pick<RoomDeps, 'accounts' | 'accountData'>,
  target: UserId,
): Promise<void> {
  if (!deps.accounts.isLocal(target)) return
  const config = await deps.accountData.get(target, undefined, 'm.invite_permission_config')
  if (stringIn(config, 'default_action') === 'block') {
    throw new MatrixError(403, 'M_INVITE_BLOCKED', 'The user takes no invites')
  }
}
