import { type Call, type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { actionsOf, newRuleIdOf, newRuleOf, ruleKindOf } from './push-rule-input.ts'
import type { PushRules } from './push-rules.ts'

const ALL = '/_matrix/client/v3/pushrules/'
const GLOBAL = '/_matrix/client/v3/pushrules/global/'
const RULE = '/_matrix/client/v3/pushrules/global/{kind}/{ruleId}'

/** With rules of 1,000 conditions refused, nothing honest is larger. */
const MAX_BODY_BYTES = 64 * 1024

/** Client-Server API, "Push Rules: API". */
export function pushRuleEndpoints({ pushRules }: { readonly pushRules: PushRules }): readonly Endpoint[] {
  const ruleOf = (call: Call) => {
    const { kind, ruleId = '' } = call.params
    return pushRules.rule(call.requester.userId, ruleKindOf(kind), ruleId)
  }
  return [
    get(ALL, async (call) => ({ global: await pushRules.rules(call.requester.userId) })),
    get(GLOBAL, (call) => pushRules.rules(call.requester.userId)),
    get(RULE, ruleOf),
    get(`${RULE}/enabled`, async (call) => ({ enabled: (await ruleOf(call)).enabled })),
    get(`${RULE}/actions`, async (call) => ({ actions: (await ruleOf(call)).actions })),
    change('PUT', RULE, (call) => setRule(pushRules, call)),
    change('DELETE', RULE, ({ requester, params }) =>
      pushRules.delete(requester.userId, ruleKindOf(params.kind), params.ruleId ?? ''),
    ),
    change('PUT', `${RULE}/enabled`, ({ requester, params, body }) =>
      pushRules.amend(requester.userId, ruleKindOf(params.kind), params.ruleId ?? '', { enabled: enabledOf(body) }),
    ),
    change('PUT', `${RULE}/actions`, ({ requester, params, body }) =>
      pushRules.amend(requester.userId, ruleKindOf(params.kind), params.ruleId ?? '', { actions: actionsOf(body) }),
    ),
  ]
}

function get(path: string, handle: (call: Call) => Promise<object>): Endpoint {
  return endpoint({ method: 'GET', path, auth: 'token', handle })
}

function change(method: 'PUT' | 'DELETE', path: string, apply: (call: Call) => Promise<void>): Endpoint {
  return endpoint({
    method,
    path,
    auth: 'token',
    maxBodyBytes: MAX_BODY_BYTES,
    async handle(call) {
      await apply(call)
      return {}
    },
  })
}

function setRule(pushRules: PushRules, { requester, params, query, body }: Call): Promise<void> {
  const kind = ruleKindOf(params.kind)
  const ruleId = newRuleIdOf(kind, params.ruleId ?? '')
  const place = { before: query.before, after: query.after }
  return pushRules.put(requester.userId, kind, ruleId, newRuleOf(kind, body), place)
}

function enabledOf({ enabled }: { readonly enabled?: unknown }): boolean {
  if (enabled === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: enabled')
  if (typeof enabled !== 'boolean') throw new MatrixError(400, 'M_BAD_JSON', 'enabled is neither true nor false')
  return enabled
}
