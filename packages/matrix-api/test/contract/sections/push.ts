import { operation, type Section } from '../operation.ts'

const V3 = '/_matrix/client/v3'
const RULE = `${V3}/pushrules/global/{kind}/{ruleId}`
const NEW_RULE = { actions: ['notify', { set_tweak: 'highlight' }], pattern: 'pangolin' }
const MINE = { kind: 'content', ruleId: 'pangolins' }
const NONE = { kind: 'content', ruleId: 'none' }
const PUSHER = {
  app_id: 'org.example.app',
  app_display_name: 'App',
  device_display_name: 'Phone',
  pushkey: 'key',
  kind: 'http',
  lang: 'en',
  data: { url: 'https://push.example.org/_matrix/push/v1/notify', format: 'event_id_only' },
}

export const PUSH: Section = {
  title: 'Push notifications',
  operations: [
    operation('getNotifications', `GET ${V3}/notifications`, async ({ ok, fails, room, say, alice, bob }) => {
      await say(alice, await room(), 'hello bob')
      await ok({ as: bob, query: { limit: '5' } })
      await fails(400, 'M_INVALID_PARAM', { as: bob, query: { from: 'forged' } })
    }),
    operation('getPushers', `GET ${V3}/pushers`, async ({ ok, other, bob }) => {
      await other('postPusher', { as: bob, body: PUSHER })
      await ok({ as: bob })
    }),
    operation('postPusher', `POST ${V3}/pushers/set`, async ({ ok, fails, bob }) => {
      await ok({ as: bob, body: PUSHER })
      await ok({ as: bob, body: { app_id: PUSHER.app_id, pushkey: PUSHER.pushkey, kind: null } })
      await fails(400, 'M_MISSING_PARAM', { as: bob, body: { ...PUSHER, data: {} } })
    }),
    operation('getPushRules', `GET ${V3}/pushrules/`, ({ ok, bob }) => ok({ as: bob })),
    operation('getPushRulesGlobal', `GET ${V3}/pushrules/global/`, ({ ok, bob }) => ok({ as: bob })),
    operation('setPushRule', `PUT ${RULE}`, async ({ ok, fails, bob }) => {
      await ok({ as: bob, path: MINE, body: NEW_RULE })
      await fails(400, 'M_INVALID_PARAM', { as: bob, path: { kind: 'content', ruleId: '.m.mine' }, body: NEW_RULE })
      await fails(400, 'M_UNKNOWN', { as: bob, path: MINE, query: { before: 'none' }, body: NEW_RULE })
    }),
    operation('getPushRule', `GET ${RULE}`, async ({ ok, fails, other, bob }) => {
      await other('setPushRule', { as: bob, path: MINE, body: NEW_RULE })
      await ok({ as: bob, path: MINE })
      await fails(404, 'M_NOT_FOUND', { as: bob, path: NONE })
    }),
    operation('deletePushRule', `DELETE ${RULE}`, async ({ ok, fails, other, bob }) => {
      await other('setPushRule', { as: bob, path: MINE, body: NEW_RULE })
      await ok({ as: bob, path: MINE })
      await fails(404, 'M_NOT_FOUND', { as: bob, path: MINE })
    }),
    ...(
      [
        ['isPushRuleEnabled', 'setPushRuleEnabled', 'enabled', { enabled: false }],
        ['getPushRuleActions', 'setPushRuleActions', 'actions', { actions: ['notify'] }],
      ] as const
    ).flatMap(([get, set, word, body]) => [
      operation(get, `GET ${RULE}/${word}`, async ({ ok, fails, bob }) => {
        await ok({ as: bob, path: { kind: 'override', ruleId: '.m.rule.master' } })
        await fails(404, 'M_NOT_FOUND', { as: bob, path: NONE })
      }),
      operation(set, `PUT ${RULE}/${word}`, async ({ ok, fails, other, bob }) => {
        await other('setPushRule', { as: bob, path: MINE, body: NEW_RULE })
        await ok({ as: bob, path: MINE, body })
        await fails(404, 'M_NOT_FOUND', { as: bob, path: NONE, body })
        await fails(400, 'M_MISSING_PARAM', { as: bob, path: MINE, body: {} })
      }),
    ]),
  ],
}
