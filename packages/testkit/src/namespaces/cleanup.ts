import { execFileSync, spawnSync } from 'node:child_process'

/**
 * Namespaces outlive the process that made them, so every one carries that process's id in its name and is deleted when its
 * owner disposes of it, when the process ends in whatever way it can notice, and else by the next run.
 */
const NAME = /^starling-(\d+)-/

const alive = new Set<string>()
let sequence = 0
let hooked = false

/** A name that no other process and no other network of this process has. */
export function nextNetworkName(): { readonly prefix: string; readonly sequence: number } {
  sweepStaleNamespaces()
  const current = sequence++
  return { prefix: `starling-${process.pid}-${current}`, sequence: current }
}

export function ownNamespace(name: string): void {
  hookProcessEnd()
  alive.add(name)
}

/** Deletes the namespace with everything in it; links to others go with it. */
export function deleteNamespace(name: string): void {
  if (!alive.delete(name)) return
  spawnSync('ip', ['netns', 'del', name])
}

/** Deletes what processes that are dead by now have left. */
export function sweepStaleNamespaces(): void {
  for (const line of execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n')) {
    const name = line.split(' ')[0] ?? ''
    const pid = Number(NAME.exec(name)?.[1])
    if (Number.isInteger(pid) && pid !== process.pid && !isRunning(pid)) spawnSync('ip', ['netns', 'del', name])
  }
}

function hookProcessEnd(): void {
  if (hooked) return
  hooked = true
  process.on('exit', () => {
    for (const name of alive) deleteNamespace(name)
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      for (const name of alive) deleteNamespace(name)
      process.kill(process.pid, signal)
    })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
