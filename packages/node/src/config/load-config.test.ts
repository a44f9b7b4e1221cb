import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError } from './config-error.ts'
import { loadConfig } from './load-config.ts'
import { retentionLimits } from './retention-limits.ts'

function fileWith(content: unknown): string {
  const path = join(mkdtempSync(join(tmpdir(), 'starling-config-')), 'config.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

test('without anything given, the documented defaults hold', () => {
  const { config, positionals } = loadConfig([], {})
  assert.deepEqual(config.listen, { host: '127.0.0.1', port: 8008 })
  assert.deepEqual(config.elementListen, { host: '127.0.0.1', port: 8009 })
  assert.equal(config.bootstrap, 'public')
  assert.equal(config.registration, 'off')
  assert.equal(config.mdns, true)
  assert.equal(config.urlPreviews, false)
  assert.equal(config.networkSecret, undefined)
  assert.deepEqual(positionals, [])
})

test('a flag wins over the environment, which wins over the file', () => {
  const file = fileWith({ listen: '127.0.0.1:1', mdns: false, logLevel: 'debug' })
  const env = { STARLING_LISTEN: '127.0.0.1:2', STARLING_LOG_LEVEL: 'warn' }
  const { config } = loadConfig(['--config', file, '--listen', '[::1]:3'], env)
  assert.deepEqual(config.listen, { host: '::1', port: 3 })
  assert.equal(config.logLevel, 'warn')
  assert.equal(config.mdns, false)
})

test('every problem is reported at once, and a secret is never repeated', () => {
  const file = fileWith({ colour: 'blue', relays: ['/not/an/address'] })
  const argv = [
    '--listen',
    'nowhere',
    '--mdns',
    'maybe',
    '--nonsense',
    'x',
    '--registration',
    'token',
    '--config',
    file,
  ]
  assert.throws(
    () => loadConfig(argv, { STARLING_ELEMENT_LISTEN: '127.0.0.1:99999', STARLING_NETWORK_SECRET: 'hunter2' }),
    (error: unknown) => {
      assert(error instanceof ConfigError)
      const text = error.message
      for (const word of ['--listen', '--mdns', '--nonsense', 'colour', 'relays', 'STARLING_ELEMENT_LISTEN']) {
        assert(text.includes(word), `${word} missing in ${text}`)
      }
      assert(!text.includes('hunter2'))
      assert.equal(error.problems.length, 6)
      return true
    },
  )
})

test('token registration without a token is refused', () => {
  assert.throws(() => loadConfig(['--registration', 'token'], {}), /registration-token/)
})

test('an empty environment variable and an empty secret count as not given', () => {
  const { config } = loadConfig(['--network-secret', ''], { STARLING_LISTEN: '' })
  assert.equal(config.networkSecret, undefined)
  assert.equal(config.listen.port, 8008)
})

test('a broken config file is named', () => {
  const file = fileWith('{')
  assert.throws(() => loadConfig([], { STARLING_CONFIG: file }), new RegExp(file.replaceAll('/', '\\/')))
})

test('subcommand words are left for the command line', () => {
  const { positionals } = loadConfig(['search', 'alice', '--data-dir', '/tmp/x'], {})
  assert.deepEqual(positionals, ['search', 'alice'])
})

test('history is kept unless the owner says otherwise; days are whole and positive', () => {
  const { config } = loadConfig([], {})
  assert.deepEqual(retentionLimits(config), { maxAge: undefined, maxBytes: undefined, followRooms: false })
  const limited = loadConfig(['--history-days', '30', '--room-retention', 'on'], {}).config
  assert.deepEqual(retentionLimits(limited), { maxAge: 30 * 24 * 3600_000, maxBytes: undefined, followRooms: true })
  for (const days of ['0', '-1', '1.5', 'ten', '', '40000']) {
    assert.throws(() => loadConfig(['--history-days', days], {}), /history-days/)
  }
})

test('a limit of history by size is given in bytes or multiples of 1,024', () => {
  const sizes = { '500M': 500 * 2 ** 20, '2g': 2 * 2 ** 30, '1048576': 2 ** 20, '2048k': 2 ** 21, off: undefined }
  for (const [text, bytes] of Object.entries(sizes)) {
    assert.equal(retentionLimits(loadConfig(['--history-bytes', text], {}).config).maxBytes, bytes)
  }
  assert.equal(loadConfig([], { STARLING_HISTORY_BYTES: '3G' }).config.historyBytes, 3 * 2 ** 30)
  for (const text of ['0', '-1', '1.5G', 'much', '', '1023K', '1P', '999999999999999T']) {
    assert.throws(() => loadConfig(['--history-bytes', text], {}), /history-bytes/)
  }
})

test('media limits are given in mebibytes, and nonsense is refused', () => {
  const { config } = loadConfig(['--media-max-upload', '10', '--media-quota', '100'], { STARLING_MEDIA_CACHE: '50' })
  const MIB = 1024 * 1024
  assert.deepEqual([config.mediaMaxUpload, config.mediaQuota, config.mediaCache], [10 * MIB, 100 * MIB, 50 * MIB])
  assert.equal(loadConfig([], {}).config.mediaQuota, undefined)
  for (const text of ['0', '-1', '1.5', 'much']) {
    assert.throws(() => loadConfig(['--media-cache', text], {}), ConfigError)
  }
})
