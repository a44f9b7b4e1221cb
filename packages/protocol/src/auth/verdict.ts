/** Stable names of what the authorisation rules reject; they label metrics and tell tests which rule spoke. */
export type AuthCode =
  | 'create_has_prev_events'
  | 'create_has_room_id'
  | 'create_state_key'
  | 'create_second'
  | 'create_room_domain'
  | 'create_room_version'
  | 'create_no_creator'
  | 'create_additional_creators'
  | 'no_create'
  | 'room_id_not_create'
  | 'auth_event_missing'
  | 'auth_event_duplicate'
  | 'auth_event_unexpected'
  | 'auth_event_rejected'
  | 'auth_event_no_create'
  | 'auth_event_other_room'
  | 'not_federated'
  | 'aliases_state_key'
  | 'member_malformed'
  | 'member_unknown_membership'
  | 'join_not_authorised_signature'
  | 'join_other_user'
  | 'join_banned'
  | 'join_not_invited'
  | 'join_authoriser'
  | 'join_rule'
  | 'third_party_invite_banned'
  | 'third_party_invite_malformed'
  | 'third_party_invite_mxid'
  | 'third_party_invite_token'
  | 'third_party_invite_sender'
  | 'third_party_invite_signature'
  | 'sender_not_joined'
  | 'invite_target_membership'
  | 'invite_level'
  | 'leave_membership'
  | 'unban_level'
  | 'kick_level'
  | 'ban_level'
  | 'knock_rule'
  | 'knock_other_user'
  | 'knock_membership'
  | 'event_level'
  | 'state_key_of_other_user'
  | 'power_levels_malformed'
  | 'power_levels_users'
  | 'power_levels_creator'
  | 'power_levels_above_sender'
  | 'redaction_level'

export interface Denied {
  readonly allowed: false
  readonly code: AuthCode
  /** One sentence for the log, without anything of the event's content. */
  readonly reason: string
}

export type AuthVerdict = { readonly allowed: true } | Denied

export const ALLOWED: AuthVerdict = Object.freeze({ allowed: true })

export function denied(code: AuthCode, reason: string): Denied {
  return { allowed: false, code, reason }
}
