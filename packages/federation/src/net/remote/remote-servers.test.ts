import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, ServerName } from '@starling/protocol'
import type { ServerRequests } from '../../contracts.ts'
import type { MediaClient } from '../media/media-client.ts'
import { RequestError, type RequestErrorCode } from '../requests/request-error.ts'
import { RemoteServerQueries } from './remote-servers.ts'

const NO_MEDIA = {} as MediaClient
const SERVER = 'there.test' as ServerName

/** Every question is answered with this error. */
function failing(code: RequestErrorCode, status?: number): RemoteServerQueries {
  const request = async (): Promise<JsonObject> => {
    throw new RequestError(code, 'as it was put there', status === undefined ? {} : { status, errcode: 'M_ANY' })
  }
  return new RemoteServerQueries({ request } as Partial<ServerRequests> as ServerRequests, NO_MEDIA)
}

const CASES: readonly (readonly [code: RequestErrorCode, status: number | undefined, expected: string])[] = [
  ['refused', 400, 'bad-content'],
  ['refused', 403, 'forbidden'],
  ['refused', 429, 'unreachable'],
  ['refused', 500, 'unreachable'],
  ['unreachable', undefined, 'unreachable'],
  ['timeout', undefined, 'unreachable'],
  ['malformed', undefined, 'unreachable'],
]

for (const [code, status, expected] of CASES) {
  test(`a question answered by ${code} ${status ?? ''} is ${expected} for the client`, async () => {
    const asked = failing(code, status).publicRooms(SERVER, {})
    await assert.rejects(asked, { name: 'RoomError', code: expected })
  })
}

test('what another server does not have is undefined where it may be missing', async () => {
  const queries = failing('refused', 404)
  assert.equal(await queries.profile('@nobody:there.test' as never), undefined)
  assert.equal(await queries.resolveAlias('#none:there.test' as never), undefined)
  await assert.rejects(queries.publicRooms(SERVER, {}), { name: 'RoomError', code: 'forbidden' })
})
