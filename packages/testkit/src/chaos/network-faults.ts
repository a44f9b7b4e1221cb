import type { Lan } from '../namespaces/lan.ts'

/** Share of the packets that a lossy link loses, per cent. */
const LOSS_PERCENT = 25

const LOSS_TABLE = `table inet chaos_loss {
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "eth0" numgen random mod 100 < ${LOSS_PERCENT} drop
  }
}
`

/** Cuts that may lie over each other: a link is whole again when the last of its cuts has ended. */
export class NetworkFaults {
  readonly #lan: Lan
  readonly #cuts = new Map<string, number>()
  readonly #lossy = new Map<number, number>()
  /** One change after the other: `nft` of two changes must not overtake each other. */
  #turn: Promise<void> = Promise.resolve()

  constructor(lan: Lan) {
    this.#lan = lan
  }

  /** Loses everything between each pair. */
  cut(pairs: readonly (readonly [number, number])[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const [one, other] of pairs) {
        if (count(this.#cuts, `${one}-${other}`, 1) === 1) await this.#lan.dropBetween(one, other)
      }
    })
  }

  heal(pairs: readonly (readonly [number, number])[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const [one, other] of pairs) {
        if (count(this.#cuts, `${one}-${other}`, -1) === 0) await this.#lan.healBetween(one, other)
      }
    })
  }

  /** Loses a quarter of what comes to the node, at random: the one fault here that no seed repeats. */
  lose(node: number): Promise<void> {
    return this.#inTurn(async () => {
      if (count(this.#lossy, node, 1) === 1) await this.#lan.node(node).namespace.exec('nft', ['-f', '-'], LOSS_TABLE)
    })
  }

  loseNoMore(node: number): Promise<void> {
    return this.#inTurn(async () => {
      if (count(this.#lossy, node, -1) > 0) return
      await this.#lan.node(node).namespace.exec('nft', ['delete', 'table', 'inet', 'chaos_loss'])
    })
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(change)
    return this.#turn
  }
}

/** Every link between the nodes in `side` and all others, the lower number first. */
export function linksOf(side: readonly number[], nodes: number): (readonly [number, number])[] {
  const others = Array.from({ length: nodes }, (_, node) => node).filter((node) => !side.includes(node))
  return side.flatMap((node) => others.map((other) => [Math.min(node, other), Math.max(node, other)] as const))
}

function count<K>(counts: Map<K, number>, key: K, change: 1 | -1): number {
  const now = (counts.get(key) ?? 0) + change
  counts.set(key, now)
  return now
}
