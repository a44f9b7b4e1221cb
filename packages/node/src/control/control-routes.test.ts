import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import express from 'express'
import { startListener } from '../http/listener.ts'
import { controlRoutes, type JoinStatus, type NodeControl } from './control-routes.ts'
import type { NodeInfo } from './node-info.ts'

const JOIN: JoinStatus = {
  room_id: '!large',
  user_id: '@p2p:me',
  since: 1,
  stage: 'fetching',
  events: 10,
  total: 90_000,
  resident: 'them',
}

const control: NodeControl = {
  info: () => ({ server_name: 'me' }) as NodeInfo,
  status: async () => ({ server_name: 'me', rooms: 3 }) as Awaited<ReturnType<NodeControl['status']>>,
  peers: () => [],
  joins: () => [JOIN],
  search: async (term) => [{ user_id: `@found:${term}`, display_name: null }],
  issueOwnerToken: async () => ({ user_id: '@p2p:me', device_id: 'D', access_token: 'secret' }),
}

async function serve(allowedHosts?: readonly string[]) {
  const app = express().use('/_starling/v1', controlRoutes(control, 'token', allowedHosts))
  return startListener({ host: '127.0.0.1', port: 0 }, app, { options: {}, tune: () => undefined })
}

interface Asked {
  readonly method?: string
  readonly host?: string
  readonly token?: string
}

function ask(port: number, path: string, { method = 'GET', host, token }: Asked = {}): Promise<[number, unknown]> {
  return new Promise((resolve, reject) => {
    const headers = { ...(host && { host }), ...(token && { authorization: `Bearer ${token}` }) }
    request({ port, host: '127.0.0.1', path: `/_starling/v1/${path}`, method, headers }, async (answer) => {
      resolve([answer.statusCode ?? 0, JSON.parse(Buffer.concat(await answer.toArray()).toString('utf8'))])
    })
      .once('error', reject)
      .end()
  })
}

test('programs on this machine learn who the node is; commands need the token of the data directory', async () => {
  await using listener = await serve()
  assert.deepEqual(await ask(listener.port, 'node'), [200, { server_name: 'me' }])
  assert.deepEqual(await ask(listener.port, 'joins'), [200, { joins: [JOIN] }])
  assert.deepEqual(await ask(listener.port, 'control/status', { token: 'token' }), [
    200,
    { server_name: 'me', rooms: 3 },
  ])
  const search = await ask(listener.port, 'control/search?term=ada', { token: 'token' })
  assert.deepEqual(search, [200, { results: [{ user_id: '@found:ada', display_name: null }] }])
  for (const token of [undefined, 'wrong']) {
    const [status] = await ask(listener.port, 'control/token', { method: 'POST', ...(token && { token }) })
    assert.equal(status, 401, `${token}`)
  }
  assert.equal((await ask(listener.port, 'nothing'))[0], 404)
})

test('bad input 22: a page that rebinds its name to 127.0.0.1 learns nothing of the node', async () => {
  await using guarded = await serve()
  for (const path of ['node', 'joins', 'control/status']) {
    assert.equal((await ask(guarded.port, path, { host: 'evil.example', token: 'token' }))[0], 403)
  }
  assert.equal((await ask(guarded.port, 'node', { host: `localhost:${guarded.port}` }))[0], 200)
  // The twin: without the check the page would read the owner's user id and addresses.
  await using open = await serve(['evil.example'])
  assert.deepEqual(await ask(open.port, 'node', { host: 'evil.example' }), [200, { server_name: 'me' }])
})
