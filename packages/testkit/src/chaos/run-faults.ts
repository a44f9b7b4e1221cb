import { setTimeout as sleep } from 'node:timers/promises'
import type { ChaosNode } from './chaos-node.ts'
import type { Fault, FaultKind } from './fault-plan.ts'
import { linksOf, type NetworkFaults } from './network-faults.ts'

export interface FaultGround {
  readonly nodes: readonly ChaosNode[]
  readonly network: NetworkFaults
  log(line: string): void
}

type Act = (ground: FaultGround, nodes: readonly number[]) => Promise<void> | void

const cut: Act = ({ nodes: { length }, network }, side) => network.cut(linksOf(side, length))
const heal: Act = ({ nodes: { length }, network }, side) => network.heal(linksOf(side, length))
const pair = ([one = 0, other = 0]: readonly number[]) => [[Math.min(one, other), Math.max(one, other)] as const]

/** How each fault begins and how it ends. A killed node's fault ends when it serves again. */
const ACTS: Readonly<Record<FaultKind, { readonly begin: Act; readonly end: Act }>> = {
  'cut-pair': {
    begin: ({ network }, nodes) => network.cut(pair(nodes)),
    end: ({ network }, nodes) => network.heal(pair(nodes)),
  },
  halves: { begin: cut, end: heal },
  isolate: { begin: cut, end: heal },
  kill: { begin: (ground, nodes) => theNode(ground, nodes).process.kill(), end: restart },
  pause: {
    begin: (ground, nodes) => theNode(ground, nodes).pause(),
    end: (ground, nodes) => theNode(ground, nodes).goOn(),
  },
  loss: {
    begin: ({ network }, [node = 0]) => network.lose(node),
    end: ({ network }, [node = 0]) => network.loseNoMore(node),
  },
}

/** Carries the plan out. @returns when the last fault had ended, milliseconds by `performance.now()`. */
export async function runFaults(ground: FaultGround, plan: readonly Fault[]): Promise<number> {
  const begun = performance.now()
  const until = (at: number) => sleep(Math.max(0, begun + at - performance.now()))
  /** What strikes a process waits for the one before: on a busy machine a killed node may take long to serve again. */
  const turns = new Map<number, Promise<void>>()
  const strike = async ({ kind, from, to, nodes }: Fault, turn: Promise<void> | undefined) => {
    await until(from)
    await turn
    await ACTS[kind].begin(ground, nodes)
    ground.log(`${kind} ${nodes.join(',')}`)
    await until(to)
    await ACTS[kind].end(ground, nodes)
    ground.log(`${kind} ${nodes.join(',')} ended`)
  }
  const struck = plan.map((fault) => {
    const [node = 0] = fault.nodes
    if (fault.kind !== 'kill' && fault.kind !== 'pause') return strike(fault, undefined)
    const done = strike(fault, turns.get(node))
    turns.set(node, done)
    return done
  })
  await Promise.all(struck)
  return performance.now()
}

function theNode({ nodes }: FaultGround, [number = 0]: readonly number[]): ChaosNode {
  const node = nodes[number]
  if (!node) throw new RangeError(`there is no node ${number}`)
  return node
}

async function restart(ground: FaultGround, nodes: readonly number[]): Promise<void> {
  await theNode(ground, nodes).process.start()
}
