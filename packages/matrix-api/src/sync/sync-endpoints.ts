import type { Endpoint } from '../http/endpoint.ts'
import { KnownPeople } from './known-people.ts'
import { SentMembers } from './sent-members.ts'
import { type SyncDeps, sync } from './sync.ts'
import { UnreadCounts } from './unread-counts.ts'

export function syncEndpoints(deps: SyncDeps): Endpoint[] {
  const memory = {
    sentMembers: new SentMembers(),
    unread: new UnreadCounts(deps),
    people: new KnownPeople(deps.reader, deps.clock),
  }
  return [sync(deps, memory)]
}
