import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from './load-config.ts'
import { voipSettings } from './voip-settings.ts'

const settings = (...argv: string[]) => voipSettings(loadConfig(argv, {}).config)

test('calls: nothing unless configured; a secret or a fixed user; LiveKit services as transports', () => {
  assert.deepEqual(settings(), { turn: undefined, rtcTransports: [] })
  const uris = ['turn:turn.test:3478?transport=udp', 'turns:turn.test']
  const secret = settings('--turn-uris', uris.join(','), '--turn-secret', 's')
  assert.deepEqual(secret.turn, { uris, lifeS: 86_400, credentials: { kind: 'secret', secret: 's' } })
  const fixed = settings('--turn-uris', uris.join(','), '--turn-user', 'u', '--turn-password', 'p')
  assert.deepEqual(fixed.turn?.credentials, { kind: 'fixed', username: 'u', password: 'p' })
  assert.deepEqual(settings('--rtc-transports', 'https://rtc.test/livekit').rtcTransports, [
    { type: 'livekit', livekit_service_url: 'https://rtc.test/livekit' },
  ])
})

test('calls and gateways: what is no such address, and TURN without credentials, are refused', () => {
  const refused: [string[], RegExp][] = [
    [['--turn-uris', 'stun:x', '--turn-secret', 's'], /stun:x is not a turn: or turns: address/],
    [['--turn-uris', 'turn:x'], /needs --turn-secret/],
    [['--turn-uris', 'turn:x', '--turn-user', 'u'], /needs --turn-secret/],
    [['--rtc-transports', 'ftp://x'], /ftp:..x is not/],
    [['--push-gateways', 'http://10.0.0.1:80/path'], /is not an http or https origin/],
    [['--push-gateways', 'localhost:80'], /is not an http or https origin/],
  ]
  for (const [argv, problem] of refused) assert.throws(() => loadConfig(argv, {}), problem, argv.join(' '))
  const { config } = loadConfig(['--push-gateways', 'http://10.0.0.1:8080, https://push.lan/'], {})
  assert.deepEqual(config.pushGateways, ['http://10.0.0.1:8080', 'https://push.lan'])
})
