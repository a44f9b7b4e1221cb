import { parseRoomAlias, parseUserId, type RoomAlias, type ServerName, type UserId } from '@starling/protocol'
import { z } from 'zod'
import { MatrixError } from '../../http/matrix-error.ts'

const jsonObject = z.record(z.string(), z.any())

export const PRESETS = ['private_chat', 'trusted_private_chat', 'public_chat'] as const
export type Preset = (typeof PRESETS)[number]

/** Invites and state events per creation, so that one request stays one bounded batch. */
const MAX_INVITES = 100
const MAX_INITIAL_STATE = 200

/** Body of `POST /createRoom`. */
export const createRoomSchema = z.object({
  visibility: z.enum(['public', 'private']).optional(),
  room_alias_name: z.string().optional(),
  name: z.string().optional(),
  topic: z.string().optional(),
  invite: z.array(z.string()).max(MAX_INVITES).optional(),
  invite_3pid: z.array(z.unknown()).optional(),
  room_version: z.string().optional(),
  creation_content: jsonObject.optional(),
  initial_state: z
    .array(z.object({ type: z.string().min(1), state_key: z.string().optional(), content: jsonObject }))
    .max(MAX_INITIAL_STATE)
    .optional(),
  preset: z.enum(PRESETS).optional(),
  is_direct: z.boolean().optional(),
  power_level_content_override: jsonObject.optional(),
})

export type CreateRoomInput = z.output<typeof createRoomSchema>

/** Where the client names none, visibility decides. */
export function presetOf(input: CreateRoomInput): Preset {
  return input.preset ?? (input.visibility === 'public' ? 'public_chat' : 'private_chat')
}

/** Invitees without repetition and without the creator. 400 for what is no user id. */
export function inviteesOf(input: CreateRoomInput, creator: UserId): UserId[] {
  return [...new Set((input.invite ?? []).map((text) => asUserId(text, 'invite')))].filter((user) => user !== creator)
}

/** `#<room_alias_name>:<this server>`; 400 where that is no alias. */
export function aliasFor(input: CreateRoomInput, serverName: ServerName): RoomAlias | undefined {
  if (input.room_alias_name === undefined) return undefined
  const alias = input.room_alias_name.includes(':')
    ? undefined
    : parseRoomAlias(`#${input.room_alias_name}:${serverName}`)
  if (!alias || input.room_alias_name === '') {
    throw new MatrixError(400, 'M_INVALID_PARAM', 'Not the local part of an alias: room_alias_name')
  }
  return alias
}

export function asUserId(text: unknown, name: string): UserId {
  const userId = parseUserId(text)
  if (!userId) throw new MatrixError(400, 'M_INVALID_PARAM', `Not a user id: ${name}`)
  return userId
}
