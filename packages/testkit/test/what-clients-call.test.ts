import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'

/**
 * What Element Web, Cinny, Sable, Hydrogen, nheko, Quaternion, gomuks, matrix-nio, weechat-matrix and matrix-js-sdk were
 * seen to call from the first page to an encrypted message, with the status that each of them takes. `{room}`, `{user}`,
 * `{device}` and `{event}` are filled in; without a token where the client has none yet.
 */
const CALLS: readonly (readonly [status: number, method: string, path: string, body?: object])[] = [
  [200, 'GET', '/.well-known/matrix/client'],
  [200, 'GET', '/_matrix/client/versions'],
  [404, 'GET', '/_matrix/client/unstable/org.matrix.msc2965/auth_issuer'],
  [404, 'GET', '/_matrix/client/unstable/org.matrix.msc2965/auth_metadata'],
  [404, 'GET', '/_matrix/client/unstable/org.matrix.msc2697.v2/dehydrated_device'],
  [404, 'GET', '/_matrix/client/unstable/org.matrix.msc4143/rtc/transports'],
  [200, 'GET', '/_matrix/client/v3/login'],
  [200, 'GET', '/_matrix/client/r0/login'],
  [401, 'POST', '/_matrix/client/v3/register', {}],
  [200, 'GET', '/_matrix/client/v3/register/available?username=somebody'],
  [200, 'GET', '/_matrix/client/v3/account/whoami'],
  [200, 'GET', '/_matrix/client/v3/thirdparty/protocols'],
  [404, 'GET', '/_matrix/client/v3/room_keys/version'],
  [200, 'GET', '/_matrix/client/v3/voip/turnServer'],
  [200, 'GET', '/_matrix/client/v3/pushrules/'],
  [200, 'GET', '/_matrix/client/v3/pushers'],
  [200, 'GET', '/_matrix/client/v3/capabilities'],
  [200, 'GET', '/_matrix/client/r0/capabilities'],
  [200, 'GET', '/_matrix/media/v3/config'],
  [200, 'POST', '/_matrix/client/v3/user/{user}/filter', { room: { state: { lazy_load_members: true } } }],
  [200, 'POST', '/_matrix/client/r0/user/{user}/filter', {}],
  [200, 'GET', '/_matrix/client/v3/sync?timeout=0'],
  [200, 'GET', '/_matrix/client/r0/sync?timeout=0&full_state=true'],
  [200, 'POST', '/_matrix/client/v3/keys/upload', {}],
  [200, 'POST', '/_matrix/client/v3/keys/query', { device_keys: { '{user}': [] } }],
  [200, 'POST', '/_matrix/client/r0/keys/query', { device_keys: { '{user}': [] } }],
  [200, 'POST', '/_matrix/client/v3/keys/claim', { one_time_keys: {} }],
  [200, 'POST', '/_matrix/client/v3/keys/signatures/upload', {}],
  [200, 'GET', '/_matrix/client/v3/devices'],
  [404, 'GET', '/_matrix/client/v3/user/{user}/account_data/m.direct'],
  [200, 'PUT', '/_matrix/client/v3/user/{user}/account_data/im.vector.setting.breadcrumbs', { recent_rooms: [] }],
  [
    200,
    'PUT',
    '/_matrix/client/v3/user/{user}/account_data/org.matrix.msc3890.local_notification_settings.{device}',
    { is_silenced: false },
  ],
  [200, 'GET', '/_matrix/client/v3/profile/{user}'],
  [200, 'GET', '/_matrix/client/r0/profile/{user}'],
  [200, 'POST', '/_matrix/client/v3/user_directory/search', { search_term: 'nobody', limit: 10 }],
  [200, 'POST', '/_matrix/client/r0/createRoom', {}],
  [200, 'POST', '/_matrix/client/v3/join/{room}', {}],
  [200, 'POST', '/_matrix/client/r0/join/{room}', {}],
  [200, 'GET', '/_matrix/client/v3/joined_rooms'],
  [200, 'GET', '/_matrix/client/v3/rooms/{room}/members?not_membership=leave'],
  [200, 'GET', '/_matrix/client/r0/rooms/{room}/joined_members'],
  [200, 'GET', '/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=30&filter=%7B%22lazy_load_members%22%3Atrue%7D'],
  [200, 'GET', '/_matrix/client/r0/rooms/{room}/messages?dir=b'],
  [200, 'PUT', '/_matrix/client/v3/rooms/{room}/typing/{user}', { typing: true, timeout: 30_000 }],
  [200, 'PUT', '/_matrix/client/v3/rooms/{room}/send/m.room.message/1', { msgtype: 'm.text', body: 'plain' }],
  [200, 'PUT', '/_matrix/client/r0/rooms/{room}/send/m.room.encrypted/2', { algorithm: 'm.megolm.v1.aes-sha2' }],
  [200, 'PUT', '/_matrix/client/v3/sendToDevice/m.room.encrypted/3', { messages: { '{user}': { '{device}': {} } } }],
  [200, 'POST', '/_matrix/client/v3/rooms/{room}/receipt/m.read/{event}', {}],
  [200, 'POST', '/_matrix/client/v3/rooms/{room}/read_markers', { 'm.fully_read': '{event}', 'm.read': '{event}' }],
  [200, 'POST', '/_matrix/client/r0/rooms/{room}/read_markers', { 'm.fully_read': '{event}' }],
]

/** Asked before there is a token, by every client. */
const BEFORE_LOGIN = /well-known|versions|auth_issuer|auth_metadata|\/login$|\/register/

suite('what real clients call', () => {
  test('every call of the list gets the status that its clients take, from a real node', async () => {
    await using node = await StarlingProcess.start({
      flags: [
        ...PRIVATE_FLAGS,
        ...['--mdns', 'off', '--p2p-listen', '/ip4/127.0.0.1/tcp/0', '--rate-limits', 'off', '--registration', 'open'],
      ],
    })
    const { baseUrl, accessToken } = node.ownerSession()
    const ask = async (method: string, path: string, body?: object, token = accessToken) => {
      const headers = token ? { authorization: `Bearer ${token}` } : {}
      const response = await fetch(baseUrl + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
      return { status: response.status, json: (await response.json()) as Record<string, string> }
    }
    const me = (await ask('GET', '/_matrix/client/v3/account/whoami')).json
    const room = (await ask('POST', '/_matrix/client/v3/createRoom', {})).json.room_id ?? ''
    const hello = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/0`
    const event = (await ask('PUT', hello, { msgtype: 'm.text', body: 'hello' })).json.event_id ?? ''
    const values: Readonly<Record<string, string>> = { room, event, user: me.user_id ?? '', device: me.device_id ?? '' }
    const fill = (text: string, encode = (value: string) => value) =>
      text.replace(/\{(room|event|user|device)\}/g, (_, name: string) => encode(values[name] ?? ''))

    const wrong: string[] = []
    for (const [expected, method, path, body] of CALLS) {
      const filled = body && (JSON.parse(fill(JSON.stringify(body))) as object)
      const token = BEFORE_LOGIN.test(path) ? '' : accessToken
      const { status, json } = await ask(method, fill(path, encodeURIComponent), filled, token)
      if (status !== expected) wrong.push(`${method} ${path}: ${status}, not ${expected}: ${JSON.stringify(json)}`)
    }
    assert.deepEqual(wrong, [])
  })
})
