import { spawnSync } from 'node:child_process'
import type { TestContext } from 'node:test'

let reason: string | undefined
let known = false

/** Why network namespaces cannot be used here; undefined where they can. Tried once per process. */
export function whyNoNamespaces(): string | undefined {
  if (!known) {
    reason = tryOut()
    known = true
  }
  return reason
}

/**
 * Skips the test where namespaces cannot be used, and says why. True where it was skipped.
 *
 * @example
 * test('two nodes meet', async (t) => {
 *   if (skipUnlessNamespaces(t)) return
 *   await using lan = await Lan.create(2)
 * })
 */
export function skipUnlessNamespaces(t: TestContext): boolean {
  const why = whyNoNamespaces()
  if (why !== undefined) t.skip(why)
  return why !== undefined
}

function tryOut(): string | undefined {
  if (process.platform !== 'linux') return `needs network namespaces, which ${process.platform} does not have`
  if (process.getuid?.() !== 0) return 'needs root, to make network namespaces'
  for (const [tool, argument] of [
    ['ip', '-V'],
    ['nft', '--version'],
  ] as const) {
    if (spawnSync(tool, [argument]).status !== 0) return `needs the command "${tool}" (packages iproute2, nftables)`
  }
  const name = `starling-${process.pid}-probe`
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' })
  spawnSync('ip', ['netns', 'del', name])
  return made.status === 0 ? undefined : `cannot make a network namespace: ${made.stderr.trim()}`
}
