import type { JsonObject } from '@starling/protocol'
import { withoutKeys } from '@starling/protocol'
import type { MembershipChange } from './membership-change.ts'

/** Content of the member event: the caller's keys and reason, never those that only this server may set. */
export function memberContent(change: MembershipChange): JsonObject {
  const own = withoutKeys(change.content ?? {}, 'join_authorised_via_users_server', 'reason')
  return {
    ...own,
    membership: change.membership,
    ...(change.reason === undefined ? {} : { reason: change.reason }),
  }
}
