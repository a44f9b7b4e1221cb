import assert from 'node:assert/strict'
import { expectMatchesSpec, expectRequestMatchesSpec, specOperation } from '../../src/testing/openapi.ts'
import type { TestAnswer } from '../../src/testing/test-api.ts'
import { type ContractWorld, PASSWORD } from './contract-world.ts'
import type { Operation, OperationRequest, Steps } from './operation.ts'

/** Runs one scenario; fails unless it showed a success (or a reason for none) and a failure. */
export async function runOperation(world: ContractWorld, { id, is, notOffered, run }: Operation): Promise<void> {
  const spec = specOperation(id)
  assert.equal(`${spec.method} ${spec.path}`, is, `${id} is another operation`)
  const seen = { successes: 0, failures: 0 }
  const steps = stepsOf(world, id, seen)
  if (spec.needsToken)
    await steps.fails(401, 'M_MISSING_TOKEN', { path: somePath(spec.path), ...(spec.requestBody && { body: {} }) })
  await run(steps)
  assert.ok(seen.failures > 0, `${id}: no failure was shown`)
  if (notOffered === undefined) assert.ok(seen.successes > 0, `${id}: no success was shown`)
  else assert.equal(seen.successes, 0, `${id} succeeds: it is offered`)
}

function stepsOf(world: ContractWorld, id: string, seen: { successes: number; failures: number }): Steps {
  const call = async (operationId: string, request: OperationRequest, status: number) => {
    expectRequestMatchesSpec(operationId, request)
    const answer = await ask(world, operationId, request)
    assert.equal(answer.status, status, `${operationId}: ${answer.status} ${JSON.stringify(answer.body)}`)
    expectMatchesSpec(operationId, answer)
    assertCors(answer)
    return answer
  }
  return {
    ...world,
    member: () => world.person(undefined, PASSWORD),
    password: ({ userId }) => ({
      ...{ type: 'm.login.password', password: PASSWORD },
      identifier: { type: 'm.id.user', user: userId },
    }),
    async ok(request = {}, status = 200) {
      const answer = await call(id, request, status)
      seen.successes += 1
      return answer.body
    },
    async raw(request) {
      const answer = await call(id, request, 200)
      seen.successes += 1
      return answer
    },
    async page(request) {
      expectRequestMatchesSpec(id, request)
      const answer = await ask(world, id, request)
      assert.equal(answer.status, 200)
      assert.match(answer.headers.get('content-type') ?? '', /^text\/html/)
      seen.successes += 1
      return answer
    },
    async failsWithPage(status, request) {
      const answer = await ask(world, id, request)
      assert.equal(answer.status, status, `${id}: ${JSON.stringify(answer.body)}`)
      assert.match(answer.headers.get('content-type') ?? '', /^text\/html/)
      seen.failures += 1
    },
    async other(operationId, request) {
      return (await call(operationId, request, 200)).body
    },
    async fails(status, errcode, request = {}, method?: string) {
      const answer = await ask(world, id, request, method)
      assert.deepEqual(
        [answer.status, answer.body?.errcode],
        [status, errcode],
        `${id}: ${JSON.stringify(answer.body)}`,
      )
      expectMatchesSpec(id, answer)
      assertCors(answer)
      seen.failures += 1
      return answer.body
    },
  }
}

/** Every answer, failures too, can be read by a page of another origin (Client-Server API, "Web Browser Clients"). */
function assertCors(answer: TestAnswer): void {
  assert.equal(answer.headers.get('access-control-allow-origin'), '*')
}

function ask(
  world: ContractWorld,
  operationId: string,
  request: OperationRequest,
  otherMethod?: string,
): Promise<TestAnswer> {
  const { method, path } = specOperation(operationId)
  world.recorded?.(operationId, request)
  const body = request.raw ?? (request.body as object | undefined)
  return world.api.request(otherMethod ?? method, fillPath(path, request.path ?? {}), {
    ...(request.as !== undefined && { as: request.as }),
    ...(request.query !== undefined && { query: request.query }),
    ...(request.headers !== undefined && { headers: request.headers }),
    ...(body !== undefined && { body }),
  })
}

export function fillPath(path: string, values: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    assert.ok(value !== undefined, `${path}: ${name} is missing`)
    return encodeURIComponent(value)
  })
}

/** Any value for each parameter: for who is refused before they are looked at. */
function somePath(path: string): Record<string, string> {
  return Object.fromEntries([...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [name, 'x']))
}
