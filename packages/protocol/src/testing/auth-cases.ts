import { checkAuth } from '../auth/check-auth.ts'
import type { AuthOptions } from '../auth/rule-input.ts'
import type { AuthCode } from '../auth/verdict.ts'
import type { Pdu } from '../events/pdu.ts'
import { type TestDraft, TestRoom, userId } from './room-builder.ts'
import { sodiumCrypto } from './sodium-crypto.ts'

export const alice = userId('alice')
export const bob = userId('bob', 'b.test')
export const carol = userId('carol', 'c.test')
export const dave = userId('dave', 'd.test')

/** What the authorisation rules say of an event on the room's running state, which it does not enter. */
export function judge(room: TestRoom, draft: TestDraft | Pdu, options?: Partial<AuthOptions>): AuthCode | 'allowed' {
  const event = 'json' in draft ? draft : room.make(draft)
  const verdict = checkAuth(event, room.authState(), room.rules, { ed25519: sodiumCrypto.ed25519, ...options })
  return verdict.allowed ? 'allowed' : verdict.code
}

export function memberDraft(sender: Pdu['sender'], membership: string, target = sender, more = {}): TestDraft {
  return { type: 'm.room.member', sender, stateKey: target, content: { membership, ...more } }
}

/**
 * Alice made the room, Bob (level 50) and Carol (0) are in it, Dave is not. `joinRule` as asked. In version 12 Alice's power is
 * that of a creator, before it is 100.
 */
export function room(version: string, joinRule = 'invite', levels = {}): TestRoom {
  const made = new TestRoom(version)
  made.create(alice)
  made.member(alice, 'join')
  made.powerLevels(alice, {
    users: { ...(made.rules.auth.privilegedCreators ? {} : { [alice]: 100 }), [bob]: 50 },
    ...levels,
  })
  made.joinRules(alice, joinRule)
  made.member(alice, 'invite', bob)
  made.member(bob, 'join')
  made.member(alice, 'invite', carol)
  made.member(carol, 'join')
  return made
}

export const VERSIONS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'] as const

export function versions(from: number, to = 12): readonly string[] {
  return VERSIONS.filter((version) => Number(version) >= from && Number(version) <= to)
}
