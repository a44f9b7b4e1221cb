import type { Pdu } from '../src/events/pdu.ts'
import type { UserId } from '../src/ids/branded.ts'
import { type StateMap, stateSlot } from '../src/state/state-map.ts'
import { type TestDraft, TestRoom, userId } from '../src/testing/room-builder.ts'

/** A room with two branches, each with half of the forked events, and the states that they end in. */
export interface ForkedRoom {
  readonly room: TestRoom
  readonly states: readonly StateMap[]
}

export type ForkShape = 'bans and settings' | 'members' | 'power levels' | 'joins and bans' | 'ladder of power levels'

/** What event `index` of a branch is. */
type Step = (index: number, branch: number) => Omit<TestDraft, 'prev' | 'on'>

const alice = userId('alice')
const bob = userId('bob', 'b.test')
/** Users whose memberships change; the first half of the forked events needs one each at most. */
const someone = (index: number): UserId => userId(`u${index}`, `s${index % 20}.test`)

/** Shapes of forks by what they ask of the algorithm. */
export const FORK_SHAPES: Readonly<Record<ForkShape, Step>> = {
  // Half power events, half that are not; every slot is contended.
  'bans and settings': (index, branch) =>
    index % 2 === 0
      ? member(alice, someone(index), { membership: 'ban', reason: String(branch) })
      : { type: 'm.slot', sender: alice, stateKey: String(index), content: { branch } },
  // Profiles of members: no power event but what they stand on.
  members: (index, branch) => member(someone(index), someone(index), { membership: 'join', displayname: `${branch}` }),
  // One slot; every event is in the auth chain of the last.
  'power levels': (index, branch) => power({ [bob]: 50, [someone(index)]: branch }, alice),
  // Joins on one branch that the bans on the other are to win over.
  'joins and bans': (index, branch) =>
    branch === 0
      ? member(someone(index), someone(index), { membership: 'join', displayname: 'x' })
      : member(alice, someone(index), { membership: 'ban' }),
  // Power levels and topics in turn, by two senders: chains in which each event has several paths to the beginning.
  'ladder of power levels': (index, branch) => {
    const sender = index % 2 === 0 ? alice : bob
    if (index % 4 < 2) return power({ [bob]: 50, [someone(index)]: branch }, sender)
    return index % 4 === 2
      ? { type: 'm.slot', sender, stateKey: String(index), content: { branch } }
      : member(sender, sender, { membership: 'join', displayname: String(index) })
  },
}

/** Two branches of `forks / 2` events each on a room in which `forks / 2` users are joined. */
export function forkedRoom(shape: ForkShape, forks: number, version: string): ForkedRoom {
  const room = new TestRoom(version)
  room.create(alice)
  room.member(alice, 'join')
  const users = room.rules.auth.privilegedCreators ? {} : { [alice]: 100 }
  room.powerLevels(alice, { users: { ...users, [bob]: 50 }, events: { 'm.room.power_levels': 50 } })
  room.joinRules(alice, 'public')
  room.member(bob, 'join')
  for (let index = 0; index < forks / 2; index++) room.member(someone(index), 'join')
  const tip = [...room.events.values()].at(-1) as Pdu
  const step = FORK_SHAPES[shape]
  const states = [0, 1].map((branch) => {
    const state = new Map(room.state)
    let prev = tip
    for (let index = 0; index < forks / 2; index++) {
      const draft = step(index, branch)
      const content =
        draft.type === 'm.room.power_levels'
          ? { ...draft.content, users: { ...users, ...(draft.content?.users as object) } }
          : draft.content
      prev = room.make({ ...draft, ...(content === undefined ? {} : { content }), prev: [prev], on: state })
      room.events.set(prev.eventId, prev)
      state.set(stateSlot(prev.type, prev.stateKey ?? ''), prev.eventId)
    }
    return state
  })
  return { room, states }
}

function member(sender: UserId, target: UserId, content: TestDraft['content'] & object) {
  return { type: 'm.room.member', sender, stateKey: target, content }
}

function power(users: Record<string, number>, sender: UserId) {
  return {
    type: 'm.room.power_levels',
    sender,
    stateKey: '',
    content: { users, events: { 'm.room.power_levels': 50 } },
  }
}
