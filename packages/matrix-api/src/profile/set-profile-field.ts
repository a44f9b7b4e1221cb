import type { JsonValue, UserId } from '@starling/protocol'
import { ownValue } from '@starling/protocol'
import { endpoint } from '../http/endpoint.ts'
import { ownUserIdOf } from '../rooms/call-params.ts'
import { checkFieldName, checkFieldValue } from './field-rules.ts'
import type { ProfileDeps } from './profile-endpoints.ts'
import { MAX_PROFILE_BYTES } from './profiles.ts'

const PATH = '/_matrix/client/v3/profile/{userId}/{keyName}'

/** Fields that member events carry. */
const IN_ROOMS: ReadonlySet<string> = new Set(['displayname', 'avatar_url'])

/** A client waits this long for its rooms; with very many rooms the rest follows behind the answer. In milliseconds. */
const WAIT_FOR_ROOMS_MS = 5_000

/** `PUT /profile/{userId}/{keyName}` (Client-Server API 1.16; `displayname` and `avatar_url` since r0). */
export function setProfileField(deps: ProfileDeps) {
  return endpoint({
    method: 'PUT',
    path: PATH,
    aliases: ['/_matrix/client/unstable/uk.tcpip.msc4133/profile/{userId}/{keyName}'],
    auth: 'token',
    maxBodyBytes: 2 * MAX_PROFILE_BYTES,
    async handle(call) {
      const userId = ownUserIdOf(call)
      const { keyName = '' } = call.params
      checkFieldName(keyName)
      const value = checkFieldValue(keyName, ownValue(call.body, keyName))
      // An empty name or avatar address is how clients remove them.
      await change(deps, userId, keyName, IN_ROOMS.has(keyName) && value === '' ? undefined : value)
      return {}
    },
  })
}

/** `DELETE /profile/{userId}/{keyName}`. */
export function deleteProfileField(deps: ProfileDeps) {
  return endpoint({
    method: 'DELETE',
    path: PATH,
    aliases: ['/_matrix/client/unstable/uk.tcpip.msc4133/profile/{userId}/{keyName}'],
    auth: 'token',
    async handle(call) {
      const userId = ownUserIdOf(call)
      const { keyName = '' } = call.params
      checkFieldName(keyName)
      await change(deps, userId, keyName, undefined)
      return {}
    },
  })
}

async function change(deps: ProfileDeps, userId: UserId, name: string, value: JsonValue | undefined): Promise<void> {
  const inRooms = IN_ROOMS.has(name)
  const changed = await deps.profiles.set(userId, name, value, inRooms ? [deps.propagation.owe(userId)] : [])
  if (!changed || !inRooms) return
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, WAIT_FOR_ROOMS_MS)
  })
  await Promise.race([deps.propagation.run(userId), patience])
  clearTimeout(timer)
}
