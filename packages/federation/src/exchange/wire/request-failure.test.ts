import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RequestError } from '../../net/requests/request-error.ts'
import { ask, wasNotReached } from './request-failure.ts'

test('a refusal is a value, an abort a timeout, a fault of our own an exception', async () => {
  const refusal = new RequestError('refused', 'no', { status: 403 })
  assert.deepEqual(await ask(Promise.reject(refusal)), { ok: false, error: refusal })
  const aborted = await ask(Promise.reject(AbortSignal.abort().reason as Error))
  assert.equal(!aborted.ok && aborted.error.code, 'timeout')
  await assert.rejects(ask(Promise.reject(new TypeError('a bug'))), TypeError)
  assert.deepEqual(await ask(Promise.resolve(1)), { ok: true, value: 1 })
})

test('overload and rate limits count as not reached, refusals and lies do not', () => {
  const refused = (status: number) => new RequestError('refused', '', { status })
  assert.ok(
    [new RequestError('unreachable', ''), new RequestError('timeout', ''), refused(429), refused(502)].every(
      wasNotReached,
    ),
  )
  assert.ok(![refused(400), refused(403), new RequestError('malformed', '')].some(wasNotReached))
})
