import type { Endpoint } from '../http/endpoint.ts'
import { slidingMemory } from '../sliding-sync/sliding-context.ts'
import { slidingSync } from '../sliding-sync/sliding-sync.ts'
import { KnownPeople } from './known-people.ts'
import { SentMembers } from './sent-members.ts'
import { type SyncDeps, sync } from './sync.ts'
import { UnreadCounts } from './unread-counts.ts'

/** Both kinds of sync, over one memory of what is unread. */
export function syncEndpoints(deps: SyncDeps): Endpoint[] {
  const memory = {
    sentMembers: new SentMembers(),
    unread: new UnreadCounts(deps),
    people: new KnownPeople(deps.reader, deps.clock),
  }
  return [sync(deps, memory), slidingSync(deps, slidingMemory(deps, memory.unread))]
}
