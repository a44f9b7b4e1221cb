/** From here on a timer may be one that the SDK leaves behind; tests themselves wait in short steps. Milliseconds. */
const LONG_MS = 1_000

let done = false

/**
 * matrix-js-sdk never clears some of its timers, not even when the client is stopped: the bound of each poll (80 s beyond its
 * end), the wait for an event that cannot be decrypted (five minutes), the delay before keys are backed up (ten seconds). They
 * would hold the process of a test open for that long, so from now on no long timer of this process does.
 */
export function letGoOfLongTimers(): void {
  if (done) return
  done = true
  const start = globalThis.setTimeout
  const lettingGo = (callback: (...words: unknown[]) => void, delay?: number, ...words: unknown[]): NodeJS.Timeout => {
    const timer = start(callback, delay, ...words)
    return delay !== undefined && delay >= LONG_MS ? timer.unref() : timer
  }
  globalThis.setTimeout = Object.assign(lettingGo, start)
}
