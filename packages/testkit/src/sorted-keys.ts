/** A block is cut in two when it has more. */
const MAX_BLOCK = 512

/** A set of strings in order, in blocks, so that entering one moves a block and not all that come after. */
export class SortedKeys {
  /** None is empty, but for the only one of an empty set. */
  #blocks: string[][] = [[]]

  clone(): SortedKeys {
    const copy = new SortedKeys()
    copy.#blocks = this.#blocks.map((block) => [...block])
    return copy
  }

  /** A key that is not there yet. */
  add(key: string): void {
    const at = this.#blockOf(key)
    const block = this.#blocks[at] as string[]
    block.splice(firstAtLeast(block, key), 0, key)
    if (block.length > MAX_BLOCK) this.#blocks.splice(at + 1, 0, block.splice(MAX_BLOCK >>> 1))
  }

  /** A key that is there. */
  delete(key: string): void {
    const at = this.#blockOf(key)
    const block = this.#blocks[at] as string[]
    block.splice(firstAtLeast(block, key), 1)
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(at, 1)
  }

  /** From `from` up to, without it, `to`. Not to be changed meanwhile. */
  *ascending(from: string, to: string | undefined): Generator<string, undefined> {
    for (let at = this.#blockOf(from); at < this.#blocks.length; at++) {
      const block = this.#blocks[at] as string[]
      for (let index = firstAtLeast(block, from); index < block.length; index++) {
        const key = block[index] as string
        if (to !== undefined && key >= to) return
        yield key
      }
    }
  }

  /** The same, the last first. */
  *descending(from: string, to: string | undefined): Generator<string, undefined> {
    for (let at = to === undefined ? this.#blocks.length - 1 : this.#blockOf(to); at >= 0; at--) {
      const block = this.#blocks[at] as string[]
      const end = to === undefined ? block.length : firstAtLeast(block, to)
      for (let index = end - 1; index >= 0; index--) {
        const key = block[index] as string
        if (key < from) return
        yield key
      }
    }
  }

  /** The last block that begins at or before the key, or the first. */
  #blockOf(key: string): number {
    let low = 0
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#blocks[middle]?.[0] ?? '') <= key) low = middle
      else high = middle - 1
    }
    return low
  }
}

function firstAtLeast(block: readonly string[], key: string): number {
  let low = 0
  let high = block.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((block[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}
