import type { Endpoint } from '../http/endpoint.ts'
import { slidingMemory } from '../sliding-sync/sliding-context.ts'
import { slidingSync } from '../sliding-sync/sliding-sync.ts'
import { KnownPeople } from './known-people.ts'
import type { OldSyncDeps } from './old-sync/deps.ts'
import { getEvents } from './old-sync/get-events.ts'
import { getInitialSync } from './old-sync/get-initial-sync.ts'
import { getOneEvent } from './old-sync/get-one-event.ts'
import { SentMembers } from './sent-members.ts'
import { sync } from './sync.ts'
import { UnreadCounts } from './unread-counts.ts'

/** /sync, sliding sync, both over one memory of what is unread, and what was there before them. */
export function syncEndpoints(deps: OldSyncDeps): Endpoint[] {
  const memory = {
    sentMembers: new SentMembers(),
    unread: new UnreadCounts(deps),
    people: new KnownPeople(deps.reader, deps.clock),
  }
  return [
    sync(deps, memory),
    slidingSync(deps, slidingMemory(deps, memory.unread)),
    getInitialSync(deps),
    getEvents(deps),
    getOneEvent(deps),
  ]
}
