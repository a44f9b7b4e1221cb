import type { UserId } from '@starling/protocol'
import { MatrixError } from '../../http/matrix-error.ts'
import type { AccountData } from '../../sync/ports.ts'
import { stringIn } from '../content.ts'
import type { RoomDeps } from '../deps.ts'

/** Whether a local user takes invites. Fits federation's `InvitePolicy`; the sender makes no difference so far. */
export function invitePolicy(accountData: AccountData): (sender: UserId, target: UserId) => Promise<'allow' | 'block'> {
  return async (_sender, target) => {
    const config = await accountData.get(target, undefined, 'm.invite_permission_config')
    return stringIn(config, 'default_action') === 'block' ? 'block' : 'allow'
  }
}

/** 403 `M_INVITE_BLOCKED` where a local user takes no invites (Client-Server API, "Invite permission"). */
export async function refuseBlockedInvite(
  deps: Pick<RoomDeps, 'accounts' | 'accountData'>,
  sender: UserId,
  target: UserId,
): Promise<void> {
  if (!deps.accounts.isLocal(target)) return
  if ((await invitePolicy(deps.accountData)(sender, target)) === 'block') {
    throw new MatrixError(403, 'M_INVITE_BLOCKED', 'The user takes no invites')
  }
}
