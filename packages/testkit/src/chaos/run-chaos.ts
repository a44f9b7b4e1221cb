import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../eventually.ts'
import { Lan } from '../namespaces/lan.ts'
import { ChaosLedger } from './chaos-ledger.ts'
import { type ChaosLoad, closingWord, keepBusy } from './chaos-load.ts'
import { ChaosNode } from './chaos-node.ts'
import { differences, glance, type SeenRoom, seenRoom, storedRoom } from './convergence.ts'
import { FAULT_KINDS, type FaultKind, makeFaultPlan } from './fault-plan.ts'
import { NetworkFaults } from './network-faults.ts'
import { runFaults } from './run-faults.ts'

export interface ChaosOptions {
  readonly seed: bigint
  readonly seconds: number
  readonly nodes?: number
  /** Where the nodes' own logs go (of their last lives), to find out what took them so long. */
  readonly logDirectory?: string | undefined
  /** Told of every fault as it begins and ends. */
  log?(line: string): void
}

export interface ChaosReport {
  readonly seed: string
  readonly seconds: number
  readonly nodes: number
  readonly faults: Readonly<Record<FaultKind, number>>
  readonly acknowledged: number
  readonly memberships: number
  readonly unanswered: number
  readonly retries: number
  readonly refused: number
  /** From the end of the last fault until every node was seen to show the same; undefined if that never came. */
  readonly convergedAfterMs: number | undefined
  readonly extremities: number
  /** Everything that is wrong, in words. */
  readonly wrong: readonly string[]
}

/** After which a run that has not converged is given up. */
const GIVE_UP_MS = 60_000
const LOOK_EVERY_MS = 50

/** Nodes in namespaces on one switch, faults by plan, users that go on all the while; then it is looked whether all is well. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, seconds, nodes: count = 5 } = options
  const begun = performance.now()
  const log = (line: string) => options.log?.(`${((performance.now() - begun) / 1000).toFixed(1)} s  ${line}`)
  await using things = new AsyncDisposableStack()
  const lan = things.use(await Lan.create(count))
  const nodes: ChaosNode[] = []
  for (const [number, machine] of lan.nodes.entries()) nodes.push(things.use(await ChaosNode.start(number, machine)))
  const roomId = await commonRoom(nodes)
  log('all have joined')
  const load: ChaosLoad = { nodes, roomId, ledger: new ChaosLedger(), seed }
  const plan = makeFaultPlan(seed, count, seconds * 1000)
  const ended = new AbortController()
  const busy = Promise.all(nodes.map((node) => keepBusy(load, node, ended.signal)))
  const healed = await Promise.race([runFaults({ nodes, network: new NetworkFaults(lan), log }, plan), never(busy)])
  ended.abort()
  await busy
  const closing = (await Promise.all(nodes.map((node) => closingWord(load, node)))).filter((id) => id !== undefined)
  const converged = await converge(load, closing, healed, log)
  if (options.logDirectory !== undefined) {
    for (const { number, process } of nodes)
      writeFileSync(join(options.logDirectory, `node${number}.log`), process.output)
  }
  const { wrong, extremities } = await lookInside(load, converged.seen)
  const { acknowledged, memberships, unanswered, retries, refused, faults } = load.ledger
  return {
    ...{ seed: String(seed), seconds, nodes: count, memberships, unanswered, retries, refused, extremities },
    faults: Object.fromEntries(
      FAULT_KINDS.map((kind) => [kind, plan.filter((fault) => fault.kind === kind).length]),
    ) as Record<FaultKind, number>,
    acknowledged: acknowledged.length,
    convergedAfterMs: converged.afterMs,
    wrong: [...faults, ...converged.wrong, ...wrong],
  }
}

/** A failure of the load ends the run; its end does not. */
async function never(busy: Promise<unknown>): Promise<never> {
  await busy
  return new Promise<never>(() => undefined)
}

/** A room of all owners, who may do anything to the guests. */
async function commonRoom(nodes: readonly ChaosNode[]): Promise<string> {
  const [first, ...others] = nodes
  if (!first) throw new RangeError('a room needs a node')
  for (const other of others) {
    await eventually(
      `node ${other.number} is found`,
      async () => {
        const { results } = await first.owner.ok('POST', 'user_directory/search', { search_term: other.ownerId })
        return (results as unknown[]).length > 0
      },
      60_000,
    )
  }
  const { room_id: roomId } = await first.owner.ok('POST', 'createRoom', {
    preset: 'public_chat',
    invite: others.map((node) => node.ownerId),
    power_level_content_override: { users: Object.fromEntries(others.map((node) => [node.ownerId, 50])) },
  })
  const join = `rooms/${encodeURIComponent(String(roomId))}/join`
  for (const node of nodes) {
    for (const user of node === first ? [node.guest] : [node.owner, node.guest]) {
      await eventually(
        `node ${node.number} joins`,
        async () => (await user.call('POST', join, {})).status === 200,
        60_000,
      )
    }
  }
  return String(roomId)
}

interface Converged {
  readonly afterMs: number | undefined
  readonly seen: readonly SeenRoom[]
  readonly wrong: readonly string[]
}

/** Looks until every node shows every closing word and the same state, then reads everything from all. */
async function converge(
  { nodes, roomId, ledger }: ChaosLoad,
  closing: readonly string[],
  healed: number,
  log: (line: string) => void,
): Promise<Converged> {
  let told = 'nothing'
  for (;;) {
    const glances = await Promise.all(nodes.map((node) => glance(node.owner, roomId, closing)))
    const looked = performance.now()
    const lacking = glances.map((glanced) => glanced.lacking)
    const states = new Set(glances.map(({ state }) => state.join()))
    const line = `${Math.round(looked - healed)} ms after the last fault: lacking ${lacking.join(', ')}; ${states.size} states`
    if (!line.endsWith(told)) log(line)
    told = line.slice(line.indexOf(':'))
    if (states.size === 1 && lacking.every((count) => count === 0)) {
      const seen = await Promise.all(nodes.map((node) => seenRoom(node.owner, roomId)))
      const wrong = lostOf(ledger, seen)
      if (wrong.length === 0) return { afterMs: looked - healed, seen, wrong }
      log(wrong[0] ?? '')
      if (looked - healed > GIVE_UP_MS) return { afterMs: undefined, seen, wrong }
    } else if (looked - healed > GIVE_UP_MS) {
      const seen = await Promise.all(nodes.map((node) => seenRoom(node.owner, roomId)))
      const wrong = [`closing words that each lacks: ${lacking.join(', ')}; ${states.size} different states`]
      return {
        afterMs: undefined,
        seen,
        wrong: [
          ...wrong,
          ...differences(
            'state',
            seen.map(({ state }) => state),
          ),
        ],
      }
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

/**
 * What an owner sent is shown everywhere. What a guest sent is shown where it was sent; who had banned the guest meanwhile
 * holds it as soft-failed.
 */
function lostOf({ acknowledged }: ChaosLedger, seen: readonly SeenRoom[]): string[] {
  return acknowledged.flatMap(({ eventId, path, by, node }) => {
    const lacking = seen
      .keys()
      .filter((index) => (by === 'owner' || index === node) && !seen[index]?.timeline.has(eventId))
      .toArray()
    return lacking.length === 0 ? [] : [`lost: ${eventId} of ${path} is not shown by node ${lacking.join(', ')}`]
  })
}

/** Stops all and compares what their databases hold: every event has its place in every DAG, and the DAGs end in the same events. */
async function lookInside({ nodes, roomId, ledger }: ChaosLoad, seen: readonly SeenRoom[]) {
  const all = [
    ...new Set([
      ...seen.flatMap(({ timeline }) => [...timeline]),
      ...ledger.acknowledged.map(({ eventId }) => eventId),
    ]),
  ]
  for (const node of nodes) await node.process.stop()
  const stored = []
  for (const node of nodes) stored.push(await storedRoom(node, roomId, all))
  const wrong = [
    ...differences('event', [all, ...stored.map(({ inDag }) => [...inDag])]).map(
      (line) => `${line} (node 0 is what anybody shows)`,
    ),
    ...differences(
      'extremity',
      stored.map(({ extremities }) => extremities),
    ),
    ...differences(
      'stored state',
      stored.map(({ state }) => state),
    ),
  ]
  return { wrong, extremities: stored[0]?.extremities.length ?? 0 }
}

/** The run in one line. */
export function summaryOf({ faults, convergedAfterMs, wrong, ...report }: ChaosReport): string {
  const kinds = FAULT_KINDS.map((kind) => `${faults[kind]} ${kind}`).join(', ')
  const converged =
    convergedAfterMs === undefined
      ? 'NOT converged'
      : `converged ${Math.round(convergedAfterMs)} ms after the last fault`
  return (
    `chaos seed ${report.seed}: ${report.nodes} nodes, ${report.seconds} s; ${kinds}; ${report.acknowledged} events and ` +
    `${report.memberships} memberships acknowledged, ${report.unanswered} requests unanswered, ${report.retries} retries, ` +
    `${report.refused} refused; ${converged}, ${report.extremities} extremities; ${wrong.length === 0 ? 'nothing wrong' : `${wrong.length} WRONG`}`
  )
}
