import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, ServerName } from '@starling/protocol'
import type { ServerRequests } from '../../contracts.ts'
import { RequestError } from '../../net/requests/request-error.ts'
import { EventBudget } from '../event-budget.ts'
import { limits } from '../limits.ts'
import { PoliteRequests } from './polite-requests.ts'

const a = 'a' as ServerName
const b = 'b' as ServerName

/** Requests that are answered when the test says so. */
function heldRequests() {
  const held: { readonly server: ServerName; readonly finish: (error?: Error) => void }[] = []
  const requests: ServerRequests = {
    request: (server) =>
      new Promise<JsonObject>((resolve, reject) => {
        held.push({ server, finish: (error) => (error ? reject(error) : resolve({})) })
      }),
    byReach: (servers) => [...servers],
  }
  return { held, polite: new PoliteRequests(requests) }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a bounded number of requests to one server is under way, others wait in line', async () => {
  const { held, polite } = heldRequests()
  const all = Array.from({ length: limits.requestsPerServer + 3 }, () => polite.request(a, 'GET', '/'))
  const other = polite.request(b, 'GET', '/')
  await turn()
  assert.equal(held.filter(({ server }) => server === a).length, limits.requestsPerServer)
  assert.equal(held.filter(({ server }) => server === b).length, 1, 'another server is not held up')
  held[0]?.finish(new RequestError('timeout', 'too late'))
  await assert.rejects(all[0] as Promise<JsonObject>, { code: 'timeout' })
  await turn()
  assert.equal(held.filter(({ server }) => server === a).length, limits.requestsPerServer + 1)
  for (let index = 1; index < limits.requestsPerServer + 4; index++) {
    held[index]?.finish()
    await turn()
  }
  await Promise.all([...all.slice(1), other])
})

test('a line that is too long refuses at once', async () => {
  const { held, polite } = heldRequests()
  const all = Array.from({ length: limits.requestsPerServer + limits.waitingPerServer }, () =>
    polite.request(a, 'GET', '/'),
  )
  await turn()
  await assert.rejects(polite.request(a, 'GET', '/'), { name: 'RequestError', code: 'unreachable' })
  for (let index = 0; index < all.length; index++) {
    held[index]?.finish()
    await turn()
  }
  await Promise.all(all)
})

test('bad input 53: what one server may cost in events is bounded and refills', () => {
  let now = 0
  const budget = new EventBudget({ now: () => now }, 600)
  assert.equal(budget.grant(a, 1_000), 600)
  budget.spend(a, 600)
  assert.equal(budget.grant(a, 1), 0)
  assert.equal(budget.grant(b, 100), 100)
  now += 1_000
  assert.equal(budget.grant(a, 100), 10)
})
