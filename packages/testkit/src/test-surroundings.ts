import type { Clock, Logger, RandomBytes } from '@starling/protocol'

/** A clock that moves only when told. Starts on 2026-11-21 unless given another time (milliseconds since the Unix epoch). */
export class TestClock implements Clock {
  #now: number

  constructor(now: number = Date.UTC(2026, 10, 21)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  advance(ms: number): void {
    this.#now += ms
  }
}

/** Logs nowhere, but counts by level, so that a test can say that nothing went wrong. */
export class QuietLogger implements Logger {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: Record<string, unknown> }[] = []

  debug(fields: Record<string, unknown>, message: string): void {
    this.#add('debug', fields, message)
  }

  info(fields: Record<string, unknown>, message: string): void {
    this.#add('info', fields, message)
  }

  warn(fields: Record<string, unknown>, message: string): void {
    this.#add('warn', fields, message)
  }

  error(fields: Record<string, unknown>, message: string): void {
    this.#add('error', fields, message)
  }

  child(): Logger {
    return this
  }

  #add(level: string, fields: Record<string, unknown>, message: string): void {
    this.lines.push({ level, message, fields })
  }
}

/** Seeded bytes: the same in every run. Not fit for anything but tests. */
export function testRandomBytes(seed: number): RandomBytes {
  let state = seed | 0
  return (size) =>
    Uint8Array.from({ length: size }, () => {
      state = (state + 0x6d2b79f5) | 0
      let t = Math.imul(state ^ (state >>> 15), 1 | state)
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
      return (t ^ (t >>> 14)) & 0xff
    })
}
