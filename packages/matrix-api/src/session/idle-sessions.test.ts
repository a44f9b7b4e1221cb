import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '@starling/protocol'
import { client } from '../rooms/testing/paths.ts'
import { testBase } from '../testing/test-api.ts'
import { startWholeApi } from '../testing/whole-api.ts'
import { Sessions } from './sessions.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const SEEN = { ip: '127.0.0.1', userAgent: undefined }

test('a session that nobody uses is over softly: the client keeps its keys and logs in on the same device', async () => {
  await using here = await startWholeApi(undefined, { sessionIdleMs: 7 * DAY_MS })
  await here.api.accounts.create('ada', 'pw')
  const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'ada' }, password: 'pw' }
  const log = (more: object) => here.request('POST', client('/login'), { body: { ...login, ...more } })
  const { body: plain } = await log({ device_id: 'D1' })
  const { body: refreshing } = await log({ device_id: 'D2', refresh_token: true })
  const whoami = (as: string) => here.request('GET', client('/account/whoami'), { as })
  for (let day = 0; day < 10; day++) {
    here.clock.advance(DAY_MS)
    assert.equal((await whoami(plain.access_token)).status, 200, 'used every day')
  }
  here.clock.advance(7 * DAY_MS + 61_000)
  const over = await whoami(plain.access_token)
  assert.deepEqual([over.status, over.body.errcode, over.body.soft_logout], [401, 'M_UNKNOWN_TOKEN', true])
  const refresh = await here.request('POST', client('/refresh'), { body: { refresh_token: refreshing.refresh_token } })
  assert.deepEqual([refresh.status, refresh.body.errcode, refresh.body.soft_logout], [401, 'M_UNKNOWN_TOKEN', true])
  const { body: again } = await log({ device_id: 'D1' })
  assert.equal((await whoami(again.access_token)).body.device_id, 'D1')
})

test('idleness survives a restart; without the setting, and with use in between, sessions last', async () => {
  const base = testBase()
  const user = '@ada:here.test' as UserId
  const { accessToken } = await base.sessions.create(user, 'D')
  const restarted = (idleMs?: number) => new Sessions({ ...base, idleMs })
  base.clock.advance(3 * DAY_MS)
  assert.equal((await restarted(2 * DAY_MS).check(accessToken, SEEN)).kind, 'expired')
  assert.equal((await restarted(4 * DAY_MS).check(accessToken, SEEN)).kind, 'valid')
  base.clock.advance(3 * DAY_MS)
  assert.equal((await restarted(4 * DAY_MS).check(accessToken, SEEN)).kind, 'valid', 'was used three days ago')
  base.clock.advance(400 * DAY_MS)
  assert.equal((await restarted().check(accessToken, SEEN)).kind, 'valid')
})
