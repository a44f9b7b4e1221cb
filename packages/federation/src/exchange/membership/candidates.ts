import type { JsonObject, RoomId, ServerName } from '@starling/protocol'
import { parseServerName, parseUserId, serverOf } from '@starling/protocol'
import type { KeyRing, RoomEngine, ServerRequests } from '../../contracts.ts'
import { limits } from '../limits.ts'
import type { RoomViews } from '../ports.ts'
import type { MembershipChange } from './membership-change.ts'

/**
 * Servers that may help with a room that this server is not in, nearest first: those the caller names, the inviter's,
 * those of the users that stripped state speaks of, who was joined when we last were, and the room id's own.
 */
export async function residentCandidates(
  parts: {
    readonly engine: RoomEngine
    readonly views: RoomViews
    readonly keys: KeyRing
    readonly requests: ServerRequests
  },
  change: Pick<MembershipChange, 'roomId' | 'target' | 'via'>,
): Promise<ServerName[]> {
  const servers = new Set<ServerName>()
  for (const via of change.via ?? []) {
    const server = parseServerName(via)
    if (server) servers.add(server)
  }
  const view = await parts.views.membership(change.roomId, change.target)
  if (view) {
    servers.add(serverOf(view.sender))
    for (const server of serversOfStrippedState(view.strippedState)) servers.add(server)
  }
  if ((await parts.engine.roomVersion(change.roomId)) !== undefined) {
    for (const server of await parts.engine.joinedServers(change.roomId)) servers.add(server)
  }
  const named = serverOf(change.roomId as RoomId)
  if (named) servers.add(named)
  servers.delete(parts.keys.serverName)
  return parts.requests.byReach(servers).slice(0, limits.serversPerChange)
}

/** Servers of those who sent the stripped events, and of joined members among them. */
export function serversOfStrippedState(stripped: readonly JsonObject[]): ReadonlySet<ServerName> {
  const servers = new Set<ServerName>()
  for (const event of stripped) {
    const sender = parseUserId(event.sender)
    if (sender) servers.add(serverOf(sender))
  }
  return servers
}
