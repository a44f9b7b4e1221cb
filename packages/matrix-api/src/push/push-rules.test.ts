import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccountDataStore } from '../account-data/account-data-store.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { startTestApi, type TestUser } from '../testing/test-api.ts'
import { pushRuleEndpoints } from './push-rule-endpoints.ts'
import { PushRules } from './push-rules.ts'
import { pusherEndpoints } from './pusher-endpoints.ts'
import { Pushers } from './pushers.ts'

const RULES = '/_matrix/client/v3/pushrules'

async function start() {
  let services: { accountData: AccountDataStore; pushRules: PushRules; pushers: Pushers } | undefined
  const api = await startTestApi((base) => {
    const pushRules = new PushRules(base.store, () => accountData)
    const accountData: AccountDataStore = new AccountDataStore(base, {
      'm.push_rules': (user) => pushRules.render(user),
    })
    const pushers = new Pushers(base.store, base.clock)
    services = { accountData, pushRules, pushers }
    return [...pushRuleEndpoints({ pushRules }), ...pusherEndpoints({ pushers, ownGateways: [] })]
  })
  const put = (as: TestUser, path: string, body: object, query = {}) =>
    api.request('PUT', `${RULES}/global/${path}`, { as, body, query })
  const ids = async (as: TestUser, kind: string) =>
    (await api.request('GET', `${RULES}/global/`, { as })).body[kind].map((rule: { rule_id: string }) => rule.rule_id)
  return { ...api, ...(services as NonNullable<typeof services>), put, ids }
}

test('the default rules of the spec, under all paths that clients ask', async () => {
  await using api = await start()
  const as = await api.user()
  for (const path of [`${RULES}/`, RULES, '/_matrix/client/r0/pushrules/']) {
    const answer = await api.request('GET', path, { as })
    expectMatchesSpec('getPushRules', answer)
    assert.equal(answer.body.global.override[0].rule_id, '.m.rule.master')
    assert.equal(answer.body.global.underride.length, 5)
  }
  expectMatchesSpec('getPushRulesGlobal', await api.request('GET', `${RULES}/global/`, { as }))
  const rule = await api.request('GET', `${RULES}/global/override/.m.rule.is_user_mention`, { as })
  expectMatchesSpec('getPushRule', rule)
  assert.equal(rule.body.conditions[0].value, as.userId)
})

test('own rules: newest first, before and after others, master always on top', async () => {
  await using api = await start()
  const as = await api.user()
  const rule = { actions: ['notify'], conditions: [] }
  expectMatchesSpec('setPushRule', await api.put(as, 'override/a', rule))
  await api.put(as, 'override/b', rule)
  await api.put(as, 'override/c', rule, { after: 'b' })
  await api.put(as, 'override/d', rule, { before: 'a' })
  assert.deepEqual((await api.ids(as, 'override')).slice(0, 5), ['.m.rule.master', 'b', 'c', 'd', 'a'])
  await api.put(as, 'override/a', rule, { before: 'b' })
  await api.put(as, 'override/c', { ...rule, actions: [] })
  assert.deepEqual((await api.ids(as, 'override')).slice(1, 5), ['a', 'b', 'c', 'd'], 'a change alone moves nothing')
  const nowhere = await api.put(as, 'override/e', rule, { before: '.m.rule.reaction' })
  assert.deepEqual([nowhere.status, nowhere.body.errcode], [400, 'M_UNKNOWN'])
  expectMatchesSpec('deletePushRule', await api.request('DELETE', `${RULES}/global/override/a`, { as }))
  const gone = await api.request('DELETE', `${RULES}/global/override/a`, { as })
  assert.deepEqual([gone.status, gone.body.errcode], [404, 'M_NOT_FOUND'])
})

test('enabled and actions of own and default rules; historical actions are dropped', async () => {
  await using api = await start()
  const as = await api.user()
  await api.put(as, 'room/!r:x', { actions: ['dont_notify'] })
  for (const path of ['room/!r:x', 'override/.m.rule.master']) {
    expectMatchesSpec('setPushRuleEnabled', await api.put(as, `${path}/enabled`, { enabled: true }))
    expectMatchesSpec('setPushRuleActions', await api.put(as, `${path}/actions`, { actions: ['notify', 'coalesce'] }))
    const enabled = await api.request('GET', `${RULES}/global/${path}/enabled`, { as })
    expectMatchesSpec('isPushRuleEnabled', enabled)
    assert.deepEqual(enabled.body, { enabled: true })
    const actions = await api.request('GET', `${RULES}/global/${path}/actions`, { as })
    expectMatchesSpec('getPushRuleActions', actions)
    assert.deepEqual(actions.body, { actions: ['notify'] })
  }
  assert.equal((await api.put(as, 'override/.m.rule.nothing/enabled', { enabled: true })).status, 404)
})

test('bad push rules are 400', async () => {
  await using api = await start()
  const as = await api.user()
  const cases: [path: string, body: object][] = [
    ['nokind/a', { actions: [] }],
    ['override/.mine', { actions: [] }],
    ['override/a%2Fb', { actions: [] }],
    ['override/a', {}],
    ['override/a', { actions: 'notify' }],
    ['override/a', { actions: [7] }],
    ['override/a', { actions: [], conditions: [{}] }],
    ['override/a', { actions: [], conditions: Array.from({ length: 51 }, () => ({ kind: 'x' })) }],
    ['content/a', { actions: [] }],
    ['content/a', { actions: [], pattern: 'x'.repeat(513) }],
    ['room/nonsense', { actions: [] }],
    ['sender/nonsense', { actions: [] }],
  ]
  for (const [path, body] of cases)
    assert.equal((await api.put(as, path, body)).status, 400, `${path} ${JSON.stringify(body)}`)
  assert.equal((await api.request('DELETE', `${RULES}/global/override/.m.rule.master`, { as })).status, 400)
})

test('bad input 87: rules are bounded one by one and together, in number, wildcards and size', async () => {
  await using api = await start()
  const as = await api.user()
  const condition = (pattern: string) => ({ kind: 'event_match', key: 'content.body', pattern })
  const of = (count: number, pattern = 'tea') => ({ actions: [], conditions: Array(count).fill(condition(pattern)) })
  const long = { kind: 'event_match', key: 'x'.repeat(17_000), pattern: 'y' }
  assert.equal((await api.put(as, 'override/many', of(51))).status, 400)
  assert.equal((await api.put(as, 'override/long', { actions: [], conditions: [long] })).status, 400)
  assert.equal((await api.put(as, 'override/tweak', { actions: [{ set_tweak: 'x'.repeat(17_000) }] })).status, 400)
  // How many of these are let in, one after the other.
  const taken = async (kind: string, rule: object) => {
    for (let count = 0; ; count++) if ((await api.put(as, `${kind}/r${count}`, rule)).status !== 200) return count
  }
  const glob = `${'*a'.repeat(250)}*`
  assert.equal(await taken('content', { actions: ['notify'], pattern: glob }), 8, 'of 501 characters each')
  assert.equal((await api.put(as, 'override/glob', of(1, glob))).status, 400, 'kinds count together')
  assert.equal(await taken('underride', of(50)), 99)
  const refused = await api.put(as, 'override/more', of(50))
  assert.deepEqual([refused.status, refused.body.errcode], [400, 'M_INVALID_PARAM'])
  assert.equal((await api.put(as, 'underride/r0', of(1))).status, 200, 'less is always taken')
})

test('a change is account data, and a new version', async () => {
  await using api = await start()
  const as = await api.user()
  const before = api.positions.current()
  assert.equal(await api.pushRules.version(as.userId), 0)
  await api.put(as, 'content/x', { actions: ['notify'], pattern: 'cake' })
  assert.equal(await api.pushRules.version(as.userId), 1)
  const [change] = await api.accountData.changes(as.userId, before, api.positions.current())
  assert.equal(change?.type, 'm.push_rules')
  assert.match(JSON.stringify(change?.content), /cake/)
})

const PUSHER = {
  kind: 'http',
  app_id: 'org.example.app',
  pushkey: 'key',
  app_display_name: 'App',
  device_display_name: 'Phone',
  lang: 'en',
  data: { url: 'https://push.example.org/_matrix/push/v1/notify', format: 'event_id_only' },
}

test('pushers: set, listed, replaced, removed, gone with their device', async () => {
  await using api = await start()
  const [ada, bob] = [await api.user('ada'), await api.user('bob')]
  const set = (as: TestUser, body: object) => api.request('POST', '/_matrix/client/v3/pushers/set', { as, body })
  const list = async (as: TestUser) => {
    const answer = await api.request('GET', '/_matrix/client/v3/pushers', { as })
    expectMatchesSpec('getPushers', answer)
    return answer.body.pushers
  }
  expectMatchesSpec('postPusher', await set(ada, PUSHER))
  assert.deepEqual(await list(ada), [PUSHER])
  await set(bob, { ...PUSHER, append: true })
  assert.equal((await list(ada)).length, 1)
  await set(bob, PUSHER)
  assert.deepEqual([(await list(ada)).length, (await list(bob)).length], [0, 1])
  await set(bob, { kind: null, app_id: PUSHER.app_id, pushkey: PUSHER.pushkey })
  assert.deepEqual(await list(bob), [])
  await set(ada, PUSHER)
  await api.store.batch(await api.pushers.forgetDevice(ada.userId, ada.deviceId))
  assert.deepEqual(await list(ada), [])
})

test('pushers go to https gateways only', async () => {
  await using api = await start()
  const as = await api.user()
  for (const url of [
    'http://push.example.org/_matrix/push/v1/notify',
    'https://push.example.org/',
    'nonsense',
    undefined,
  ]) {
    const body = { ...PUSHER, data: { url } }
    assert.equal((await api.request('POST', '/_matrix/client/v3/pushers/set', { as, body })).status, 400, String(url))
  }
  const email = { ...PUSHER, kind: 'email' }
  assert.equal((await api.request('POST', '/_matrix/client/v3/pushers/set', { as, body: email })).status, 400)
})
