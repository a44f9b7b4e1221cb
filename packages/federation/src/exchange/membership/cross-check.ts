import type { AbortOptions, RoomId, ServerName } from '@starling/protocol'
import type { KeyRing, ServerRequests } from '../../contracts.ts'
import { limits } from '../limits.ts'
import type { Timers } from '../ports.ts'
import { asString } from '../wire/read-json.ts'
import { ask } from '../wire/request-failure.ts'

export interface CrossCheckParts {
  readonly requests: ServerRequests
  readonly keys: Pick<KeyRing, 'peersOf' | 'serverName'>
  readonly timers: Timers
}

export interface CrossCheck {
  readonly agree: readonly ServerName[]
  /** With the digest of what they hold instead. */
  readonly differ: readonly (readonly [ServerName, string])[]
}

/**
 * Asks other members that are connected which state they hold before the join. The state before an event follows from the events
 * before it, so honest members that have these agree; who does not know the join yet is asked a few times more, for half a
 * second in all, and then not waited for.
 */
export async function crossCheck(
  parts: CrossCheckParts,
  claim: {
    readonly roomId: RoomId
    readonly eventId: string
    readonly digest: string
    readonly resident: ServerName
    readonly servers: Iterable<ServerName>
  },
  options?: AbortOptions,
): Promise<CrossCheck> {
  const others = [...new Set(claim.servers)].filter(
    (server) => server !== claim.resident && server !== parts.keys.serverName && parts.keys.peersOf(server).length > 0,
  )
  const agree: ServerName[] = []
  const differ: [ServerName, string][] = []
  const path = [claim.roomId, claim.eventId].map(encodeURIComponent).join('/')
  await Promise.all(
    others.slice(0, limits.serversPerCrossCheck).map(async (server) => {
      const digest = await digestOf(parts, server, `/_starling/federation/v1/state_digest/${path}`, options)
      if (digest === claim.digest) agree.push(server)
      else if (digest !== undefined) differ.push([server, digest])
    }),
  )
  return { agree, differ }
}

/** More members hold one other state than hold the claimed one, whose giver counts as one of these. */
export function isOutvoted({ agree, differ }: CrossCheck): boolean {
  const votes = [...Map.groupBy(differ, ([, digest]) => digest).values()].map((group) => group.length)
  return Math.max(0, ...votes) > agree.length + 1
}

async function digestOf(
  parts: CrossCheckParts,
  server: ServerName,
  uri: string,
  options?: AbortOptions,
): Promise<string | undefined> {
  for (const wait of [...limits.crossCheckWaits, undefined]) {
    const answer = await ask(
      parts.requests.request(server, 'GET', uri, undefined, {
        ...options,
        timeoutMs: limits.crossCheckTimeout,
        maxResponseBytes: limits.bytesPerSmallAnswer,
      }),
    )
    if (answer.ok) return asString(answer.value.digest)
    // Refused as a stranger, or the event is unknown: the join has not reached it.
    const mayKnowSoon = answer.error.status === 403 || answer.error.status === 404
    if (!mayKnowSoon || wait === undefined || options?.signal?.aborted) return undefined
    await new Promise<void>((resolve) => void parts.timers.after(wait, resolve))
  }
  return undefined
}
