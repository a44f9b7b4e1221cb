import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { client } from '../rooms/testing/paths.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { startWholeApi } from '../testing/whole-api.ts'

const TURN = client('/voip/turnServer')
const TRANSPORTS = '/_matrix/client/unstable/org.matrix.msc4143/rtc/transports'
const uris = ['turn:turn.test:3478?transport=udp']

test('TURN with a fixed user and password', async () => {
  const credentials = { kind: 'fixed', username: 'u', password: 'p' } as const
  await using here = await startWholeApi(undefined, {
    voip: { turn: { uris, lifeS: 600, credentials }, rtcTransports: [] },
  })
  const answer = await here.request('GET', TURN, { as: await here.user() })
  expectMatchesSpec('getTurnServer', answer)
  assert.deepEqual(answer.body, { username: 'u', password: 'p', uris, ttl: 600 })
  assert.equal((await here.request('GET', TURN)).status, 401)
})

test('TURN with a shared secret: credentials that say until when, and prove it', async () => {
  const turn = { uris, lifeS: 600, credentials: { kind: 'secret', secret: 's3cret' } } as const
  await using here = await startWholeApi(undefined, { voip: { turn, rtcTransports: [] } })
  const as = await here.user()
  const before = Math.floor(here.clock.now() / 1000)
  const { body } = await here.request('GET', TURN, { as })
  const [until, ...user] = body.username.split(':')
  assert.equal(user.join(':'), as.userId)
  assert.ok(Number(until) >= before + 600 && Number(until) <= before + 660)
  assert.equal(body.password, createHmac('sha1', 's3cret').update(body.username).digest('base64'))
  expectMatchesSpec('getTurnServer', { status: 200, body })
})

test('MatrixRTC transports: where configured in the answer and in .well-known, else 404', async () => {
  const livekit = { type: 'livekit', livekit_service_url: 'https://rtc.test' }
  await using here = await startWholeApi(undefined, { voip: { rtcTransports: [livekit] } })
  const as = await here.user()
  assert.deepEqual((await here.request('GET', TRANSPORTS, { as })).body, { rtc_transports: [livekit] })
  assert.equal((await here.request('GET', TRANSPORTS)).status, 401)
  const wellKnown = await here.request('GET', '/.well-known/matrix/client')
  expectMatchesSpec('getWellknown', wellKnown)
  assert.deepEqual(wellKnown.body['org.matrix.msc4143.rtc_foci'], [livekit])

  await using plain = await startWholeApi()
  const none = await plain.request('GET', TRANSPORTS, { as: await plain.user() })
  assert.deepEqual([none.status, none.body.errcode], [404, 'M_NOT_FOUND'])
  assert.deepEqual((await plain.request('GET', '/.well-known/matrix/client')).body, {
    'm.homeserver': { base_url: plain.url },
  })
})
