import type { Logger } from '@starling/protocol'

export type FaultKind =
  /** Nobody caught it. */
  | 'uncaught'
  /** A handler threw what no handler should, or answered 500, or the log says `error`. */
  | 'internal'
  /** One turn of the event loop took too long. */
  | 'stall'
  /** An event got in that its author could not have sent, or the room's state changed. */
  | 'forged'
  | 'state'
  /** Honest traffic no longer worked. */
  | 'probe'
  | 'memory'

export interface Fault {
  readonly kind: FaultKind
  readonly what: string
  /** Number of the mutant that was under way; an effect can lag its cause by a few. */
  readonly index: number
  readonly mutant: string
  readonly bytesBase64: string
}

/** Faults kept whole; more are only counted. */
const MAX_KEPT = 20

/** What went wrong in a run, with the mutant that was under way. */
export class FaultLog {
  readonly kept: Fault[] = []
  readonly counts: Record<FaultKind, number> = {
    ...{ uncaught: 0, internal: 0, stall: 0, forged: 0, state: 0, probe: 0, memory: 0 },
  }
  #under: { readonly index: number; readonly name: string; readonly bytes: Uint8Array } | undefined

  /** The mutant that is thrown now. */
  under(index: number, name: string, bytes: Uint8Array): void {
    this.#under = { index, name, bytes }
  }

  add(kind: FaultKind, what: string): void {
    this.counts[kind] += 1
    if (this.kept.length >= MAX_KEPT) return
    const { index = -1, name = 'none', bytes = new Uint8Array() } = this.#under ?? {}
    this.kept.push({ kind, what, index, mutant: name, bytesBase64: Buffer.from(bytes).toString('base64') })
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0)
  }

  /** A logger for the node under attack: what it calls an error is one. */
  logger(): Logger {
    const logger: Logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: (fields, message) => this.add('internal', `${message}: ${describe(fields.error)}`),
      child: () => logger,
    }
    return logger
  }
}

export function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** Errors of the language: thrown out of a handler of foreign data they are bugs. As the cause of a refusal they are not. */
export function isBug(error: unknown): boolean {
  return BUGS.some((bug) => error instanceof bug)
}

const BUGS = [TypeError, RangeError, ReferenceError, SyntaxError, URIError]
