import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, Pdu, RoomId, ServerName, UserId } from '@starling/protocol'
import { limits } from '../limits.ts'
import { type ParkedEvent, ParkedEvents } from './parked-events.ts'

const parked = (
  id: string,
  options: { sender?: string; room?: string; missing?: string[]; attempts?: number } = {},
): ParkedEvent => ({
  checked: {
    pdu: {
      eventId: id as EventId,
      roomId: (options.room ?? 'r') as RoomId,
      sender: `@u:${options.sender ?? 'a'}` as UserId,
    } as Pdu,
    roomVersion: '12',
    redacted: false,
  },
  carrier: 'a' as ServerName,
  publish: false,
  missing: (options.missing ?? ['parent']) as EventId[],
  attempts: options.attempts ?? 0,
})

test('children are found by any parent, once', () => {
  const events = new ParkedEvents(() => undefined)
  events.park(parked('x', { missing: ['p', 'q'] }))
  events.park(parked('y', { missing: ['q'] }))
  assert.deepEqual(
    events.takeChildrenOf('q' as EventId).map(({ checked }) => checked.pdu.eventId),
    ['x', 'y'],
  )
  assert.deepEqual(events.takeChildrenOf('p' as EventId), [])
  assert.equal(events.size, 0)
})

test('bad input 52: what was tried often enough is dropped', () => {
  const counted: string[] = []
  const events = new ParkedEvents((what, code) => counted.push(`${what}:${code}`))
  assert.equal(events.park(parked('x', { attempts: limits.parkedAttempts - 1 })), true)
  assert.equal(events.park(parked('x', { attempts: limits.parkedAttempts })), false)
  assert.equal(events.size, 0)
  assert.deepEqual(counted, ['parked_dropped:attempts'])
})

test('bad input 53: a flood by one server pushes out only its own, oldest first', () => {
  const events = new ParkedEvents(() => undefined)
  events.park(parked('honest', { sender: 'b' }))
  for (let index = 0; index < 1_000; index++) events.park(parked(`flood${index}`))
  assert.equal(events.sizeOf('r' as RoomId), limits.parkedPerSender + 1)
  assert.ok(events.has('honest' as EventId))
  assert.ok(events.has('flood999' as EventId))
  assert.equal(events.has('flood0' as EventId), false)
})

test('a room and all rooms together are bounded', () => {
  const events = new ParkedEvents(() => undefined)
  for (let server = 0; server < 30; server++) {
    for (let index = 0; index < limits.parkedPerSender; index++) {
      events.park(parked(`${server}.${index}`, { sender: `s${server}` }))
    }
  }
  assert.equal(events.sizeOf('r' as RoomId), limits.parkedPerRoom)
  for (let room = 0; room < 20; room++) {
    for (let index = 0; index < 1_000; index++) {
      events.park(parked(`${room}.${index}`, { room: `r${room}`, sender: `s${index % 20}` }))
    }
  }
  assert.ok(events.size <= limits.parkedInAll)
})
