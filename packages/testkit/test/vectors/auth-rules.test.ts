import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authStateOf, checkAuth, checkAuthEventsList, roomVersionRules } from '@starling/protocol'
import { naiveAuthorise, stateOf } from '../../src/naive/index.ts'
import { testCrypto } from '../../src/test-crypto.ts'
import { type AuthCase, type AuthVector, authVector } from './auth-vector-room.ts'
import { loadVectors, versionsIn } from './load-vectors.ts'

function productAllows({ event, state, events, rejected }: AuthVector, roomVersion: string): boolean {
  const rules = roomVersionRules(roomVersion) ?? assert.fail(`no room version ${roomVersion}`)
  const authEvents = event.authEvents.map((id) => events.get(id) ?? assert.fail(`no event ${id}`))
  const list = checkAuthEventsList(event, authEvents, rules, (id) => rejected.has(id))
  // As federation gives it: a create event that was rejected is no state of its room.
  const known = state.filter(({ type, eventId }) => type !== 'm.room.create' || !rejected.has(eventId))
  return list.allowed && checkAuth(event, authStateOf(known), rules, testCrypto).allowed
}

for (const one of loadVectors<AuthCase>('auth-rules.json').cases) {
  const versions = Object.entries(one.rules).flatMap(([range, rule]) =>
    versionsIn(range).map((v) => [v, rule] as const),
  )
  test(`authorisation: ${one.name} (${Object.keys(one.rules).join(', ')})`, () => {
    for (const [roomVersion, rule] of versions) {
      const vector = authVector(one, roomVersion)
      const { event, state, events, rejected } = vector
      const naive = naiveAuthorise(event, stateOf(state), roomVersion, events, rejected)
      assert.deepEqual(naive, { allowed: one.allowed, rule }, `the naive checker, version ${roomVersion}`)
      assert.equal(productAllows(vector, roomVersion), one.allowed, `the product, version ${roomVersion}, rule ${rule}`)
    }
  })
}
