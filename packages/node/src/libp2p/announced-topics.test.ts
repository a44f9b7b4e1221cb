import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnnouncedTopics } from './announced-topics.ts'

const LIMITS = { maxTopicLength: 10, maxTopicsPerPeer: 3, maxTopics: 5 }

test('bad input 66: one peer has so many topics, of such a length, and gets places back by leaving', () => {
  const topics = new AnnouncedTopics(LIMITS)
  assert.deepEqual(
    ['a', 'b', 'c', 'd', 'a'].map((topic) => topics.add('p', topic)),
    [true, true, true, false, true],
  )
  assert.equal(topics.add('q', 'longer than ten'), false)
  topics.delete('p', 'b')
  topics.delete('p', 'never there')
  assert.equal(topics.add('p', 'd'), true)
  assert.deepEqual([...topics.of('p')], ['a', 'c', 'd'])
  topics.forget('p')
  assert.equal(topics.size, 0)
})

test('bad input 66: when all places are taken, who has most gives way, and a flooder only to itself', () => {
  const topics = new AnnouncedTopics(LIMITS)
  for (const topic of ['1', '2', '3']) topics.add('flooder', topic)
  for (const topic of ['4', '5']) topics.add('other flooder', topic)
  assert.equal(topics.add('honest', 'room'), true)
  assert.equal(topics.of('flooder').size, 2)
  assert.equal(topics.add('other flooder', '6'), false)
  assert.equal(topics.size, 5)
  assert.deepEqual([...topics.of('honest')], ['room'])
})
