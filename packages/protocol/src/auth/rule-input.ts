import type { Pdu } from '../events/pdu.ts'
import type { ServerName } from '../ids/branded.ts'
import { ownValue } from '../json/own-value.ts'
import type { Ed25519 } from '../ports.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import type { AuthState } from './auth-state.ts'
import type { PowerLevels } from './power-levels.ts'

export interface AuthOptions {
  /** For the signatures inside third-party invites. */
  readonly ed25519: Ed25519
  /**
   * Is the event validly signed by that server? By default: does it carry a signature of it, since `requiredSigners`
   * has those checked before any authorisation.
   */
  readonly isSignedBy?: (event: Pdu, server: ServerName) => boolean
}

/** What a group of rules gets: the event, the state to judge it by, and what is read off both once. */
export interface RuleInput {
  readonly event: Pdu
  readonly create: Pdu
  readonly state: AuthState
  readonly levels: PowerLevels
  readonly rules: RoomVersionRules
  readonly options: AuthOptions
}

/** The user's `membership` in the state; `undefined` where there is none, which the rules treat like `leave`. */
export function membershipOf(state: AuthState, userId: string): string | undefined {
  const member = state('m.room.member', userId)
  const membership = member && ownValue(member.content, 'membership')
  return typeof membership === 'string' ? membership : undefined
}

/** The room's `join_rule`: `invite` where no rule was ever set, `undefined` where the event names none. */
export function joinRuleOf(state: AuthState): string | undefined {
  const joinRules = state('m.room.join_rules', '')
  if (joinRules === undefined) return 'invite'
  const rule = ownValue(joinRules.content, 'join_rule')
  return typeof rule === 'string' ? rule : undefined
}
