import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkScope, PUBLIC_NETWORK } from './network-secret.ts'

test('the same secret gives the same network, another one another in every part, none the public one', async () => {
  const [one, same, other] = await Promise.all(['a secret', 'a secret', 'a secret.'].map(networkScope))
  assert.deepEqual(one, same)
  assert.equal(one?.preSharedKey?.length, 32)
  for (const part of ['preSharedKey', 'mdnsServiceTag', 'dhtProtocol'] as const) {
    assert.notDeepEqual(one?.[part], other?.[part])
    assert.notDeepEqual(one?.[part], PUBLIC_NETWORK[part])
  }
  assert.equal(await networkScope(''), PUBLIC_NETWORK)
  assert.equal(await networkScope(undefined), PUBLIC_NETWORK)
})

test('a text means the same however its accents are written', async () => {
  assert.deepEqual(await networkScope('caf\u00e9'), await networkScope('cafe\u0301'))
})

test('what the network shows of itself does not contain the key', async () => {
  const { preSharedKey, mdnsServiceTag, dhtProtocol } = await networkScope('a secret')
  const key = Buffer.from(preSharedKey ?? []).toString('hex')
  const shown = mdnsServiceTag.replace('_starling-', '').replace('._udp.local', '')
  assert.match(shown, /^[0-9a-f]{16}$/)
  assert.ok(dhtProtocol.includes(shown))
  assert.ok(!key.includes(shown))
})
