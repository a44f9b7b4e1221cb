import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId } from '@starling/protocol'
import { fetchUntil } from './timeline.ts'

const MISSING = '$missing' as EventId

test('what somebody else fetched meanwhile is walked over before the walk ends', async () => {
  let walked = 0
  const enough = async () => ++walked > 0
  const fetch = () => assert.fail('nothing is missing any more')
  assert.equal(await fetchUntil(enough, async () => [], fetch), 'nothing')
  assert.equal(walked, 1)
})

test('who gives nothing is asked once for a page, and what is missing stays said', async () => {
  let asked = 0
  const fetch = async () => {
    asked++
  }
  const outcome = await fetchUntil(
    async () => false,
    async () => [MISSING],
    fetch,
  )
  assert.deepEqual([outcome, asked], ['nobody-gives', 1])
})

test('the fetching goes on while it brings something, to a bound', async () => {
  let asked = 0
  const backward = async () => [`$missing${asked}` as EventId]
  const fetch = async () => {
    asked++
  }
  assert.equal(await fetchUntil(async () => asked >= 3, backward, fetch), 'more')
  assert.equal(asked, 3)
  assert.equal(await fetchUntil(async () => false, backward, fetch), 'more')
  assert.equal(asked, 8)
})
