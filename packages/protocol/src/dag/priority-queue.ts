/** A binary heap: `pop` gives the least item by `compare`. Logarithmic in its size. */
export class PriorityQueue<Item> {
  readonly #items: Item[] = []
  readonly #compare: (a: Item, b: Item) => number

  constructor(compare: (a: Item, b: Item) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#items.length
  }

  push(item: Item): void {
    const items = this.#items
    let at = items.length
    items.push(item)
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = items[parentAt] as Item
      if (this.#compare(parent, item) <= 0) break
      items[at] = parent
      at = parentAt
    }
    items[at] = item
  }

  pop(): Item | undefined {
    const items = this.#items
    const least = items[0]
    const last = items.pop()
    if (items.length > 0) this.#sink(last as Item)
    return least
  }

  /** Puts `item` at the root and lets it down to its place. */
  #sink(item: Item): void {
    const items = this.#items
    let at = 0
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= items.length) break
      const right = childAt + 1
      if (right < items.length && this.#compare(items[right] as Item, items[childAt] as Item) < 0) childAt = right
      const child = items[childAt] as Item
      if (this.#compare(item, child) <= 0) break
      items[at] = child
      at = childAt
    }
    items[at] = item
  }
}
