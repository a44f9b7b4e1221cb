import { eventually, MemoryNetwork } from '@starling/testkit'
import { TestNode, type TestNodeOptions } from './test-node.ts'

/** Connects two nodes and waits until each knows who the other is. */
export async function meet(network: MemoryNetwork, a: TestNode, b: TestNode): Promise<void> {
  await network.connect(a.host, b.host)
  await eventually('both know each other', () => {
    const known = a.keys.bindings.serverOf(b.host.peerId) === b.serverName
    return known && b.keys.bindings.serverOf(a.host.peerId) === a.serverName
  })
  await network.settled()
}

/** Nodes with these names, none of them connected. */
export async function nodes<const N extends readonly string[]>(
  names: N,
  options: { readonly [name: string]: TestNodeOptions } = {},
): Promise<{ readonly network: MemoryNetwork; readonly all: { readonly [I in keyof N]: TestNode } }> {
  const network = new MemoryNetwork()
  const all: TestNode[] = []
  for (const name of names) all.push(await TestNode.start(network, name, options[name]))
  return { network, all: all as unknown as { readonly [I in keyof N]: TestNode } }
}
