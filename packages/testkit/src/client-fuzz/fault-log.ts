/** What a client may never be able to bring about. */
export type FaultKind =
  /** An answer of 5xx where nobody else was needed for it. */
  | 'status'
  /** An answer that a page could not read, or an error that is no Matrix error. */
  | 'shape'
  /** No answer in time. */
  | 'silence'
  /** Nobody caught it, or the log says `error`. */
  | 'uncaught'
  | 'internal'
  /** A token stands in the log. */
  | 'secret'
  /** The thread of the server ended. */
  | 'crash'
  /** One turn of the event loop took too long. */
  | 'stall'
  /** A socket, a file or a timer is still there when everybody has gone. */
  | 'leak'
  | 'memory'
  /** An honest client was no longer served. */
  | 'probe'

export interface Fault {
  readonly kind: FaultKind
  readonly what: string
  /** Number of the request that was under way; an effect can lag its cause by a few. */
  readonly index: number
  /** Its operation and what was done to it. */
  readonly request: string
  /** As it went over the wire; `minimised` where parts of it could be left out. */
  readonly bytesBase64: string
  minimised?: string
}

/** Faults of a kind kept whole; more are only counted. */
const MAX_KEPT = 5

/** What went wrong in a run, with the request that was under way. */
export class FaultLog {
  readonly kept: Fault[] = []
  readonly counts: Record<FaultKind, number> = {
    ...{ status: 0, shape: 0, silence: 0, uncaught: 0, internal: 0, secret: 0 },
    ...{ crash: 0, stall: 0, leak: 0, memory: 0, probe: 0 },
  }
  #under: { readonly index: number; readonly name: string; readonly bytes: () => Uint8Array } | undefined

  /** The request that is sent now. */
  under(index: number, name: string, bytes: () => Uint8Array): void {
    this.#under = { index, name, bytes }
  }

  /** @returns the fault where it is among those that are kept. */
  add(kind: FaultKind, what: string): Fault | undefined {
    this.counts[kind] += 1
    if (this.counts[kind] > MAX_KEPT) return undefined
    const { index = -1, name = 'none', bytes = () => new Uint8Array() } = this.#under ?? {}
    const fault = { kind, what, index, request: name, bytesBase64: Buffer.from(bytes()).toString('base64') }
    this.kept.push(fault)
    return fault
  }
}
