import type { Endpoint } from '../http/endpoint.ts'
import { SentMembers } from './sent-members.ts'
import { type SyncDeps, sync } from './sync.ts'
import { UnreadCounts } from './unread-counts.ts'

export function syncEndpoints(deps: SyncDeps): Endpoint[] {
  const memory = { sentMembers: new SentMembers(), unread: new UnreadCounts(deps) }
  return [sync(deps, memory)]
}
