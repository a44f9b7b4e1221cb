import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import { alice, bob, carol, dave, memberDraft, room } from '../testing/auth-cases.ts'
import { Branch, sourceOf } from '../testing/branch.ts'
import type { TestDraft, TestRoom } from '../testing/room-builder.ts'
import { sodiumCrypto } from '../testing/sodium-crypto.ts'
import { authDifference } from './auth-difference.ts'
import { authGraphOf, numbersIn } from './auth-graph.ts'
import { splitConflicts } from './conflicts.ts'
import { fullConflictedSet, markConflictedSubgraph } from './full-conflicted-set.ts'
import { resolveState } from './resolve-state.ts'
import type { StateMap, StateSlot } from './state-map.ts'

const PEOPLE = [alice, bob, carol, dave]

/** What may happen in a room, as data: who, what, to whom, on which branch, and whether that branch forks first. */
const step = fc.record({
  branch: fc.nat(5),
  fork: fc.boolean(),
  who: fc.nat(3),
  whom: fc.nat(3),
  what: fc.constantFrom('topic', 'ban', 'kick', 'invite', 'join', 'leave', 'levels', 'rule'),
  level: fc.constantFrom(0, 50, 60, 100),
  ts: fc.integer({ min: 0, max: 5 }),
})
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

function draftOf(room_: TestRoom, { who, whom, what, level, ts }: Step): TestDraft {
  const sender = PEOPLE[who] ?? alice
  const target = PEOPLE[whom] ?? bob
  const own = room_.rules.auth.privilegedCreators ? {} : { [alice]: 100 }
  const users = { [bob]: 50, ...own, ...(target === alice ? {} : { [target]: level }) }
  const drafts: Readonly<Record<Step['what'], TestDraft>> = {
    topic: { type: 'm.room.topic', sender, stateKey: '', content: { topic: `${who}${level}${ts}` } },
    ban: memberDraft(sender, 'ban', target),
    kick: memberDraft(sender, 'leave', target),
    invite: memberDraft(sender, 'invite', target),
    join: memberDraft(sender, 'join'),
    leave: memberDraft(sender, 'leave'),
    levels: {
      type: 'm.room.power_levels',
      sender,
      stateKey: '',
      content: { users, events: { 'm.room.power_levels': 50 } },
    },
    rule: { type: 'm.room.join_rules', sender, stateKey: '', content: { join_rule: level > 50 ? 'public' : 'invite' } },
  }
  return { ...drafts[what], ts }
}

/** Plays the steps; what a branch does not allow does not happen. Answers the states at the ends of all branches. */
function play(version: string, steps: readonly Step[]): { room_: TestRoom; states: StateMap[] } {
  const room_ = room(version, 'public', { events: { 'm.room.power_levels': 50 } })
  const branches = [new Branch(room_, [...room_.events.values()].at(-1) as Pdu)]
  for (const one of steps) {
    let branch = branches[one.branch % branches.length] as Branch
    if (one.fork && branches.length < 6) {
      branch = branch.fork()
      branches.push(branch)
    }
    branch.tryAdd(draftOf(room_, one))
  }
  return { room_, states: branches.map(({ state }) => state) }
}

const history = fc.tuple(
  fc.constantFrom('1', '2', '6', '10', '11', '12'),
  fc.array(step, { minLength: 4, maxLength: 25 }),
)

function sorted(state: StateMap): [StateSlot, EventId][] {
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1))
}

test('resolution does not depend on the order of the sets, of their entries, or on sets given twice', () => {
  let conflicts = 0
  fc.assert(
    fc.property(history, fc.nat(), ([version, steps], turn) => {
      const { room_, states } = play(version, steps)
      const resolve = (sets: readonly StateMap[]): [StateSlot, EventId][] =>
        sorted(resolveState(sets, sourceOf(room_), room_.rules, sodiumCrypto))
      const expected = resolve(states)
      const at = turn % states.length
      assert.deepEqual(resolve([...states].reverse()), expected)
      assert.deepEqual(resolve([...states.slice(at), ...states.slice(0, at)]), expected)
      assert.deepEqual(resolve(states.map((state) => new Map([...state].reverse()))), expected)
      assert.deepEqual(resolve([...states, ...states]), expected)
      assert.deepEqual(resolve([new Map(expected), new Map(expected)]), expected)
      if (splitConflicts(states).conflicted.length > 0) conflicts++
    }),
    { numRuns: 60 },
  )
  assert.ok(conflicts > 20, `only ${conflicts} runs had a conflict`)
})

/** The definitions of the spec, word for word and as slow as they read. */
function slowChain(room_: TestRoom, id: EventId): Set<EventId> {
  const chain = new Set<EventId>()
  for (const auth of room_.events.get(id)?.authEvents ?? []) {
    chain.add(auth)
    for (const further of slowChain(room_, auth)) chain.add(further)
  }
  return chain
}

function slowFullConflictedSet(room_: TestRoom, states: readonly StateMap[]): Set<EventId> {
  const { conflicted } = splitConflicts(states)
  const chains = states.map((state) => new Set([...state.values()].flatMap((id) => [...slowChain(room_, id)])))
  const full = new Set(conflicted)
  for (const id of chains.flatMap((chain) => [...chain])) {
    if (!chains.every((chain) => chain.has(id))) full.add(id)
  }
  if (room_.rules.stateResolution !== 'v2.1') return full
  for (const id of conflicted.flatMap((from) => [...slowChain(room_, from)])) {
    const chain = slowChain(room_, id)
    if (conflicted.some((to) => chain.has(to))) full.add(id)
  }
  return full
}

test('the full conflicted set is that of the definitions', () => {
  fc.assert(
    fc.property(history, ([version, steps]) => {
      if (version === '1') return
      const { room_, states } = play(version, steps.slice(0, 14))
      const conflicts = splitConflicts(states)
      const graph = authGraphOf(conflicts.conflicted, sourceOf(room_))
      const full = fullConflictedSet(conflicts, graph, sourceOf(room_), room_.rules.stateResolution)
      const ids = graph.ids.filter((_, number) => full[number] === 1)
      assert.deepEqual(ids.sort(), [...slowFullConflictedSet(room_, states)].sort())
    }),
    { numRuns: 60 },
  )
})

/** A chain of n diamonds has 2^n paths: walked path by path it never ends. */
function diamonds(count: number) {
  const edges = new Map<EventId, EventId[]>()
  const id = (name: string): EventId => `$${name}` as EventId
  edges.set(id('top0'), [])
  for (let i = 1; i <= count; i++) {
    edges.set(id(`left${i}`), [id(`top${i - 1}`)])
    edges.set(id(`right${i}`), [id(`top${i - 1}`)])
    edges.set(id(`top${i}`), [id(`left${i}`), id(`right${i}`)])
  }
  return { edges, id }
}

/** Events of which nothing is known but their auth events. */
function withEdges(edges: ReadonlyMap<string, readonly EventId[]>) {
  return { event: (id: EventId) => ({ authEvents: edges.get(id) ?? [] }) as unknown as Pdu }
}

test('bad input 56: an auth chain of 2^10000 paths is walked once per event', () => {
  const { edges, id } = diamonds(10_000)
  let walked = 0
  const source = {
    event(event: EventId) {
      walked++
      return withEdges(edges).event(event)
    },
  }
  const difference = authDifference([[id('top10000')], [id('left10000')]], source)
  assert.equal(walked, edges.size)
  assert.deepEqual([...difference].sort(), [id('left10000'), id('right10000')])
  const graph = authGraphOf([id('top10000'), id('top5000')], source)
  const subgraph = new Uint8Array(graph.ids.length)
  markConflictedSubgraph(numbersIn(graph, [id('top10000'), id('top5000')]), graph, subgraph)
  assert.equal(
    subgraph.reduce((sum, is) => sum + is),
    3 * 5_000 + 1,
  )
})

test('the auth difference of many sets', () => {
  const { edges, id } = diamonds(60)
  const source = withEdges(edges)
  const sets = Array.from({ length: 61 }, (_, i) => [id(`top${i}`)])
  // top60 is in no chain, and nothing is in every chain, since top0 has none.
  assert.equal(authDifference(sets, source).size, edges.size - 1)
  // top60 is in no chain, left1, right1 and top0 are in all.
  assert.equal(authDifference(sets.slice(1), source).size, edges.size - 4)
})

test('a cycle of given ids neither hangs nor throws', () => {
  const edges = new Map<string, EventId[]>([
    ['$a', ['$b' as EventId]],
    ['$b', ['$a' as EventId]],
  ])
  const source = withEdges(edges)
  assert.equal(authGraphOf(['$a' as EventId], source).ids.length, 2)
})
