import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import { alice, bob, carol, dave, memberDraft, room } from '../testing/auth-cases.ts'
import { Branch, sourceOf } from '../testing/branch.ts'
import type { TestDraft, TestRoom } from '../testing/room-builder.ts'
import { sodiumCrypto } from '../testing/sodium-crypto.ts'
import { authGraphOf } from './auth-graph.ts'
import { type DifferingStates, resolveDifferingStates } from './resolve-differing.ts'
import { resolveState } from './resolve-state.ts'
import type { StateMap, StateSlot } from './state-map.ts'

const PEOPLE = [alice, bob, carol, dave]

const step = fc.record({
  branch: fc.nat(4),
  fork: fc.boolean(),
  who: fc.nat(3),
  whom: fc.nat(3),
  what: fc.constantFrom('topic', 'ban', 'kick', 'invite', 'join', 'leave', 'levels', 'rule', 'own'),
  level: fc.constantFrom(0, 50, 100),
  ts: fc.integer({ min: 0, max: 5 }),
})
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

function draftOf({ rules }: TestRoom, { who, whom, what, level, ts }: Step): TestDraft {
  const sender = PEOPLE[who] ?? alice
  const target = PEOPLE[whom] ?? bob
  const own = rules.auth.privilegedCreators ? {} : { [alice]: 100 }
  const users = { [bob]: 50, ...own, ...(target === alice ? {} : { [target]: level }) }
  const levels = { users, events: { 'm.room.power_levels': 50, own: 0 } }
  const drafts: Readonly<Record<Step['what'], TestDraft>> = {
    topic: { type: 'm.room.topic', sender, stateKey: '', content: { topic: `${who}${level}${ts}` } },
    ban: memberDraft(sender, 'ban', target),
    kick: memberDraft(sender, 'leave', target),
    invite: memberDraft(sender, 'invite', target),
    join: memberDraft(sender, 'join'),
    leave: memberDraft(sender, 'leave'),
    levels: { type: 'm.room.power_levels', sender, stateKey: '', content: levels },
    rule: { type: 'm.room.join_rules', sender, stateKey: '', content: { join_rule: level > 50 ? 'public' : 'invite' } },
    own: { type: 'own', sender, stateKey: sender, content: { ts } },
  }
  return { ...drafts[what], ts }
}

function play(version: string, steps: readonly Step[]): { room_: TestRoom; states: StateMap[] } {
  const room_ = room(version, 'public', { events: { 'm.room.power_levels': 50, own: 0 } })
  const branches = [new Branch(room_, [...room_.events.values()].at(-1) as Pdu)]
  for (const one of steps) {
    let branch = branches[one.branch % branches.length] as Branch
    if (one.fork && branches.length < 5) {
      branch = branch.fork()
      branches.push(branch)
    }
    branch.tryAdd(draftOf(room_, one))
  }
  return { room_, states: branches.map(({ state }) => state) }
}

/** The same states cut in two, as a store that shares structure would. `asked`: how often the auth chains of the rest mattered. */
function differing(states: readonly StateMap[], room_: TestRoom, counts = { asked: 0, taken: 0 }): DifferingStates {
  const slots = new Set(states.flatMap((state) => [...state.keys()]))
  const same = new Map<StateSlot, EventId>()
  for (const slot of slots) {
    const holders = new Set(states.map((state) => state.get(slot)))
    const [holder] = holders
    if (holders.size === 1 && holder !== undefined) same.set(slot, holder)
  }
  return {
    sets: states.map((state) => new Map([...state].filter(([slot]) => !same.has(slot)))),
    agreed: (slot) => same.get(slot),
    async authorisingAgreed(ids) {
      counts.asked++
      const graph = authGraphOf(same.values(), sourceOf(room_))
      const chain = new Set(Array.from(graph.auths.subarray(0, graph.authStart.at(-1)), (number) => graph.ids[number]))
      const taken = new Set([...ids].filter((id) => chain.has(id)))
      counts.taken += taken.size
      return taken
    },
  }
}

test('resolving what differs ends in the same state as resolving everything', async () => {
  const counts = { asked: 0, taken: 0 }
  let conflicts = 0
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('1', '2', '6', '10', '11', '12'),
      fc.array(step, { minLength: 4, maxLength: 30 }),
      async (version, steps) => {
        const { room_, states } = play(version, steps)
        const whole = resolveState(states, sourceOf(room_), room_.rules, sodiumCrypto)
        const cut = differing(states, room_, counts)
        if (cut.sets.every((set) => set.size === 0)) return
        conflicts++
        const load = async (ids: readonly EventId[]) =>
          new Map(ids.flatMap((id) => (room_.events.has(id) ? [[id, room_.events.get(id) as Pdu] as const] : [])))
        const outcome = await resolveDifferingStates(cut, load, room_.rules, sodiumCrypto)
        const agreed = [...(states[0] ?? [])].filter(([slot]) => cut.agreed(slot) !== undefined)
        const sorted = (state: Iterable<readonly [StateSlot, EventId]>) =>
          [...state].sort(([a], [b]) => (a < b ? -1 : 1))
        assert.deepEqual(sorted([...agreed, ...outcome]), sorted(whole))
      },
    ),
    { numRuns: 150 },
  )
  // Else this says nothing about forks, or about what the rest of the state takes out of the auth difference.
  assert.ok(conflicts > 60, `${conflicts} runs with conflicts`)
  assert.ok(counts.asked > 20 && counts.taken > 5, `asked ${counts.asked}, taken out ${counts.taken}`)
})
