import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'
import { eventually, QuietLogger, TestClock } from '@starling/testkit'
import { ManualTimers } from '../../../test/net/manual-timers.ts'
import { netLimits } from '../limits.ts'
import { EphemeralData } from './ephemeral.ts'

const ROOM = '!room:here' as RoomId
const THERE = 'there' as ServerName

/** One receipt that `there` does not have. `arrives` says of each transaction whether it gets there. */
function missedReceipt(arrives: (attempt: number) => boolean) {
  const clock = new TestClock()
  const timers = new ManualTimers(clock)
  const sent: (readonly JsonObject[])[] = []
  let meet: (server: ServerName) => void = () => assert.fail('not started')
  const receipt = { type: 'm.read', userId: '@u:here' as UserId, eventId: '$e' as EventId, ts: 1, position: 7 }
  const parts = {
    ground: { clock, timers, logger: new QuietLogger() },
    serverName: 'here',
    bindings: {
      watch: ({ met }: { met: (server: ServerName) => void }) => {
        meet = met
        return () => undefined
      },
      peersOf: () => ['peer'],
    },
    engine: { watch: () => () => undefined },
    sharedRooms: {
      neighbours: () => [THERE],
      isNeighbour: () => true,
      roomsWith: () => [ROOM],
      watch: () => () => undefined,
    },
    presence: { all: () => [], silentFor: () => [] },
    receipts: { newest: async (_room: RoomId, after: number) => (after < receipt.position ? [receipt] : []) },
    typing: { stop: () => undefined },
    sender: {
      stop: () => undefined,
      send: async (_server: ServerName, edus: readonly JsonObject[]) => {
        sent.push(edus)
        return arrives(sent.length)
      },
    },
  }
  const data = new EphemeralData(parts as unknown as ConstructorParameters<typeof EphemeralData>[0])
  data.start()
  return { data, sent, timers, meet: () => meet(THERE) }
}

test('receipts that did not arrive are sent again, by themselves and at the next meeting', async () => {
  const { data, sent, timers, meet } = missedReceipt((attempt) => attempt === 3)
  meet()
  await eventually('the first attempt', () => sent.length === 1)
  await eventually('the second, after a pause', () => {
    timers.advance(netLimits.sendRetryMs)
    return sent.length === 2
  })
  meet()
  await eventually('the third, at a meeting', () => sent.length === 3)
  assert.deepEqual(sent[2], sent[0])
  data.stop()
})

test('what has arrived is not sent again', async () => {
  const { data, sent, meet } = missedReceipt(() => true)
  meet()
  await eventually('the only attempt', () => sent.length === 1)
  await new Promise((resolve) => setImmediate(resolve))
  meet()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(sent.length, 1)
  data.stop()
})
