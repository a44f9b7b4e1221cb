import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerError } from '@starling/federation'
import { type MatrixApi, MatrixError } from '@starling/matrix-api'
import type { UserId } from '@starling/protocol'
import { lateRoomDirectory } from './late-room-directory.ts'

test('what the API refuses is refused to the asking server with the same errcode, and anything else is a fault', async () => {
  const errors: Error[] = [new MatrixError(400, 'M_BAD_JSON', 'filter'), new Error('disk')]
  const fail = async () => {
    throw errors.shift()
  }
  const forServers = {
    directory: { resolve: async () => undefined, publicRooms: fail },
    invitePolicy: async () => 'block',
  }
  const { directory, invitePolicy } = lateRoomDirectory(() => ({ forServers }) as unknown as MatrixApi)
  assert.equal(await directory.resolve('#tea:elsewhere'), undefined)
  await assert.rejects(directory.publicRooms({}), (error) => {
    return error instanceof AnswerError && error.status === 400 && error.errcode === 'M_BAD_JSON'
  })
  await assert.rejects(directory.publicRooms({}), { message: 'disk' })
  assert.equal(await invitePolicy('@a:a' as UserId, '@b:b' as UserId), 'block')
})
