import type { AbortOptions, JsonObject, ServerName } from '@starling/protocol'
import type { CheckedPdu, KeyRing, RoomEngine, ServerRequests } from '../../contracts.ts'
import { limits } from '../limits.ts'
import type { Count } from '../ports.ts'
import { ask } from '../wire/request-failure.ts'
import { v1 } from '../wire/uri.ts'
import { memberContent } from './member-content.ts'
import type { MembershipChange } from './membership-change.ts'
import type { RemoteFailures } from './remote-failures.ts'
import { type HandshakeMembership, membershipFromTemplate, readTemplate, type TemplateFields } from './template.ts'

export interface HandshakeParts {
  readonly engine: RoomEngine
  readonly keys: KeyRing
  readonly requests: ServerRequests
  readonly clock: { now(): number }
  readonly versions: readonly string[]
  readonly count: Count
}

const TIMEOUTS: Readonly<Record<HandshakeMembership, number>> = {
  join: limits.makeTimeout,
  knock: limits.makeTimeout,
  leave: limits.leaveTimeout,
}

/**
 * First half of a handshake with one resident server: asks for the template, builds the event from its five fields and
 * signs it. Undefined where that server is of no help; `failures` then holds why.
 */
export async function makeMembership(
  parts: HandshakeParts,
  change: MembershipChange & { readonly membership: HandshakeMembership },
  resident: ServerName,
  failures: RemoteFailures,
  options?: AbortOptions,
): Promise<{ readonly event: CheckedPdu; readonly fields: TemplateFields } | undefined> {
  const { roomId, target: userId, membership } = change
  const query: Record<string, readonly string[]> = membership === 'leave' ? {} : { ver: parts.versions }
  const uri = v1(`make_${membership}`, [roomId, userId], query)
  const answer = await ask(
    parts.requests.request(resident, 'GET', uri, undefined, {
      ...options,
      timeoutMs: TIMEOUTS[membership],
      maxResponseBytes: limits.bytesPerSmallAnswer,
    }),
  )
  if (!answer.ok) {
    failures.request(answer.error)
    return undefined
  }
  const template = readTemplate(answer.value, { roomId, userId, membership, resident, versions: parts.versions })
  if (!template.ok) {
    parts.count('template_refused', membership)
    if (template.roomVersion === undefined) failures.lie(resident, template.reason)
    else failures.incompatible(template.roomVersion)
    return undefined
  }
  const { fields } = template
  const unsigned = membershipFromTemplate(
    fields,
    { roomId, userId, membership },
    memberContent(change),
    parts.clock.now(),
  )
  return { event: parts.engine.finish(unsigned, fields.roomVersion), fields }
}

/** The event as it is put into `send_join` and kin: with our keys beside it. */
export function withOwnKeys(event: CheckedPdu, keys: KeyRing): JsonObject {
  return { ...event.pdu.json, server_keys: keys.ownServerKeys() }
}
