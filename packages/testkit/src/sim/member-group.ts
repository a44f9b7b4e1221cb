/**
 * The largest set of nodes that are in the room, each by its own state and by that of all the others of the set. Of two sets of one size
 * that of the earlier node.
 */
export function membersOf<Node>(nodes: readonly Node[], takesForMember: (node: Node, other: Node) => boolean): Node[] {
  const inside = nodes.filter((node) => takesForMember(node, node))
  let largest: Node[] = []
  for (const first of inside) {
    const group: Node[] = []
    for (const node of [first, ...inside.filter((other) => other !== first)]) {
      if (group.every((member) => takesForMember(member, node) && takesForMember(node, member))) group.push(node)
    }
    if (group.length > largest.length) largest = group
  }
  return nodes.filter((node) => largest.includes(node))
}
