import { createHash, type Hash } from 'node:crypto'

/** Characters gathered before they are hashed. */
const CHUNK = 1 << 16
/** Lines kept where they are asked for: those of the longest shrunk schedule and more. */
const LINES_KEPT = 200_000

/** What happened, line by line in virtual time, and its SHA-256: two runs are the same if these are. */
export class RunTrace {
  readonly lines: string[] = []
  readonly #keep: boolean
  readonly #now: () => number
  readonly #hash: Hash = createHash('sha256')
  #chunk = ''

  constructor(now: () => number, options: { readonly keep: boolean }) {
    this.#now = now
    this.#keep = options.keep
  }

  add(line: string): void {
    const entry = `${this.#now().toFixed(3)} ${line}`
    if (this.#keep && this.lines.length < LINES_KEPT) this.lines.push(entry)
    this.#chunk += `${entry}\n`
    if (this.#chunk.length < CHUNK) return
    this.#hash.update(this.#chunk)
    this.#chunk = ''
  }

  digest(): string {
    return this.#hash.copy().update(this.#chunk).digest('hex')
  }
}
