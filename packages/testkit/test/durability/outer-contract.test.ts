import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { OwnerClient, PRIVATE_FLAGS, StarlingProcess, Unanswered } from '@starling/testkit'

/** DESIGN section 7: what scripts and other programs rely on. */
const FLAGS = [...PRIVATE_FLAGS, '--mdns', 'off', '--p2p-listen', '/ip4/127.0.0.1/tcp/0']

/** A clean stop takes this long at the most, in milliseconds: part of the contract, not of the test's patience. */
const STOP_LIMIT_MS = 5_000

const EXIT = { stopped: 0, failed: 1, badConfiguration: 2, dataUnusable: 3 } as const

/** A node of a test's own, in a directory that the test may spoil. */
async function ownNode(): Promise<{ readonly node: StarlingProcess } & AsyncDisposable> {
  const dataDir = await mkdtemp(join(tmpdir(), 'starling-contract-'))
  const node = await StarlingProcess.start({ flags: FLAGS, dataDir })
  return {
    node,
    async [Symbol.asyncDispose]() {
      await node.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

suite('a running node', () => {
  let node: StarlingProcess
  before(async () => {
    node = await StarlingProcess.start({ flags: FLAGS })
  })
  after(() => node[Symbol.asyncDispose]())

  test('the ready file holds what GET /_starling/v1/node answers', async () => {
    const response = await fetch(`${node.info.client_api}/_starling/v1/node`)
    assert.equal(response.status, 200)
    assert.deepEqual(await response.json(), JSON.parse(readFileSync(join(node.dataDir, 'ready.json'), 'utf8')))
    const named = ['version', 'pid', 'server_name', 'user_id', 'peer_id', 'client_api', 'element', 'multiaddrs']
    assert.deepEqual(Object.keys(node.info), named)
    assert.equal(node.info.user_id, `@p2p:${node.info.server_name}`)
    assert.ok(node.info.multiaddrs.every((address) => address.endsWith(`/p2p/${node.info.peer_id}`)))
  })

  test('bad input 80: a second process on one directory ends with code 3, and the first serves on', async () => {
    const second = node.command('start', ...FLAGS)
    assert.equal(second.status, EXIT.dataUnusable, second.stderr)
    assert.match(second.stderr, /in use by another running node/)
    assert.ok(second.stderr.includes(node.dataDir), 'it says which directory')
    assert.equal((await fetch(`${node.info.client_api}/_matrix/client/versions`)).status, 200)
    // What the first one wrote for its subcommands is still its own.
    assert.equal(node.command('status').status, EXIT.stopped)
  })

  const OUTPUTS: Readonly<Record<string, (info: StarlingProcess['info']) => readonly string[]>> = {
    status: (info) => [info.user_id, info.client_api, info.peer_id, String(info.pid), info.multiaddrs[0] ?? '?'],
    peers: () => ['no peers connected'],
    'search nobody': () => ['nobody found for "nobody"'],
    'identity show': (info) => [info.server_name, 'identity.key'],
    doctor: (info) => ['ok', 'identity key', info.user_id],
  }
  for (const [words, expected] of Object.entries(OUTPUTS)) {
    test(`starling ${words} answers`, () => {
      const { status, stdout, stderr } = node.command(...words.split(' '))
      assert.equal(status, EXIT.stopped, stderr)
      for (const text of expected(node.info)) assert.ok(stdout.includes(text), `${text} in:\n${stdout}`)
    })
  }

  test('starling token prints a token of the owner and nothing else, and each is a session of its own', async () => {
    const sessions = [node.ownerSession(), node.ownerSession()]
    const answers = await Promise.all(sessions.map((session) => new OwnerClient(session).ok('GET', 'account/whoami')))
    assert.deepEqual(
      answers.map((answer) => answer.user_id),
      [node.info.user_id, node.info.user_id],
    )
    assert.notEqual(answers[0]?.device_id, answers[1]?.device_id)
  })

  test('what the subcommands ask is not given to who cannot read the data directory', async () => {
    const control = `${node.info.client_api}/_starling/v1/control`
    const { accessToken } = node.ownerSession()
    for (const authorization of ['', 'Bearer x', `Bearer ${accessToken}`]) {
      const answers = await Promise.all([
        fetch(`${control}/status`, { headers: { authorization } }),
        fetch(`${control}/token`, { method: 'POST', headers: { authorization } }),
      ])
      assert.deepEqual(
        answers.map(({ status }) => status),
        [401, 401],
      )
    }
  })
})

suite('a stopped node', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} stops it within 5 s with code 0, long-polls or not`, async () => {
      await using own = await ownNode()
      const { node } = own
      const client = new OwnerClient(node.ownerSession())
      const { next_batch: since } = await client.ok('GET', 'sync?timeout=0')
      const polls = Promise.allSettled(
        Array.from({ length: 20 }, () => client.call('GET', `sync?timeout=30000&since=${since}`)),
      )
      // Asked after the polls: by its answer the node has been given them.
      await client.ok('GET', 'account/whoami')
      const begun = performance.now()
      const code = await node.stop(signal)
      const took = performance.now() - begun
      assert.equal(code, EXIT.stopped, node.output)
      assert.ok(took < STOP_LIMIT_MS, `${took} ms`)
      for (const outcome of await polls) {
        if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof Unanswered)
      }
      assert.equal(existsSync(join(node.dataDir, 'ready.json')), false, 'no ready file of a node that does not run')
    })
  }

  test('subcommands say that it does not run; identity and doctor need no running node', async () => {
    await using own = await ownNode()
    const { node } = own
    const { server_name: name } = node.info
    // Killed, so that what it left behind says that it runs.
    await node.kill()
    for (const words of [['status'], ['peers'], ['search', 'x'], ['token']]) {
      const { status, stderr } = node.command(...words)
      assert.equal(status, EXIT.failed, words.join(' '))
      assert.match(stderr, /no node runs on/)
    }
    const shown = node.command('identity', 'show')
    assert.equal(shown.status, EXIT.stopped, shown.stderr)
    assert.ok(shown.stdout.includes(name))
    const checked = node.command('doctor')
    assert.equal(checked.status, EXIT.stopped, checked.stdout)
    assert.match(checked.stdout, /note +no node runs on/)
  })

  test('bad input 82: without its identity key it refuses to start, code 3, and makes no other', async () => {
    await using own = await ownNode()
    const { node } = own
    const before = node.info
    assert.equal(await node.stop(), EXIT.stopped)
    const [key, kept] = [join(node.dataDir, 'identity.key'), join(node.dataDir, 'kept')]
    renameSync(key, kept)
    const refused = node.command('start', ...FLAGS)
    assert.equal(refused.status, EXIT.dataUnusable, refused.stderr)
    assert.match(refused.stderr, /identity\.key is missing/)
    assert.equal(existsSync(key), false)
    assert.equal(node.command('doctor').status, EXIT.failed)
    renameSync(kept, key)
    await node.start()
    assert.deepEqual([node.info.server_name, node.info.peer_id], [before.server_name, before.peer_id])
  })

  test('bad input 82, twin: a directory without data is a new node, with an identity of its own', async () => {
    await using own = await ownNode()
    const { node } = own
    const before = node.info
    assert.equal(await node.stop(), EXIT.stopped)
    for (const name of readdirSync(node.dataDir)) rmSync(join(node.dataDir, name), { recursive: true })
    await node.start()
    assert.notEqual(node.info.server_name, before.server_name)
  })
})

test('bad configuration ends with code 2, and every problem is told at once', async () => {
  const dataDir = join(tmpdir(), `starling-never-made-${process.pid}`)
  const flags = ['--listen', 'nowhere', '--mdns', 'perhaps', '--p2p-listen', 'tcp:4009', '--no-such-flag', '1']
  const { status, stderr } = StarlingProcess.run(['start', ...flags, '--data-dir', dataDir], {
    STARLING_REGISTRATION: 'everybody',
  })
  assert.equal(status, EXIT.badConfiguration, stderr)
  for (const source of ['--listen', '--mdns', '--p2p-listen', '--no-such-flag', 'STARLING_REGISTRATION']) {
    assert.ok(stderr.includes(`- ${source}: `), `${source} in:\n${stderr}`)
  }
  assert.equal(existsSync(dataDir), false, 'nothing is touched')
})

test('a word that is no subcommand ends with code 2', () => {
  const { status, stderr } = StarlingProcess.run(['dance'])
  assert.equal(status, EXIT.badConfiguration)
  assert.match(stderr, /no such command: dance/)
})

test('a directory that is none ends with code 3', async () => {
  const { status, stderr } = StarlingProcess.run(['start', ...FLAGS, '--data-dir', '/dev/null/starling'])
  assert.equal(status, EXIT.dataUnusable, stderr)
  assert.ok(stderr.includes('/dev/null/starling'))
})
