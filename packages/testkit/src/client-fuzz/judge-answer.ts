import type { FaultKind } from './fault-log.ts'
import type { WireAnswer } from './wire-answer.ts'
import type { Outcome } from './wire-client.ts'
import { isFramed, type WireRequest } from './wire-request.ts'

export interface Verdict {
  readonly kind: FaultKind
  readonly what: string
}

/** Statuses with which the node says that somebody else did not answer for what was asked. */
const OF_OTHERS = new Set([502, 503, 504])

/** May be waited for: long-polls, and media that have been announced. */
const PATIENT = /\/(sync|events)$|\/media\/|\/keys\/(query|claim)$/

/** How long a client waits before it goes away again, where the server may let it wait. Milliseconds. */
export function patience(request: WireRequest, limitMs: number): number {
  return PATIENT.test(request.path) ? Math.min(limitMs, 400) : limitMs
}

/** What is wrong with how a request was answered, or undefined. */
export function judge(request: WireRequest, outcome: Outcome, limitMs: number): Verdict | undefined {
  if (outcome.kind === 'silent') {
    return patience(request, limitMs) < limitMs ? undefined : { kind: 'silence', what: `no answer in ${limitMs} ms` }
  }
  // Half a message needs no answer; a whole one does.
  if (outcome.kind === 'closed') {
    return isFramed(request) ? { kind: 'silence', what: 'the connection was closed without an answer' } : undefined
  }
  return judgeAnswer(outcome.answer, request.method)
}

function judgeAnswer(answer: WireAnswer, method: string): Verdict | undefined {
  const { status, headers, body, broken } = answer
  const shape = (what: string): Verdict => ({ kind: 'shape', what: `${status}: ${what}` })
  if (broken !== undefined) return shape(`no HTTP: ${broken}`)
  if (status >= 500 && !OF_OTHERS.has(status)) return { kind: 'status', what: `${status}: ${excerpt(body)}` }
  const hasCors = headers.get('access-control-allow-origin') === '*'
  const type = headers.get('content-type') ?? ''
  // Pages that people open in a browser are not for other sites' pages to read, and show their errors as pages.
  const isPage = type.startsWith('text/html') && !headers.has('content-disposition')
  if (isPage && headers.has('content-security-policy')) {
    return hasCors ? shape('a page that other pages may read') : undefined
  }
  if (!hasCors) return shape('no CORS header')
  if (method === 'HEAD' || status === 204 || status === 304) return undefined
  if (!type.startsWith('application/json')) {
    return status < 400 ? undefined : shape(`an error of type ${JSON.stringify(type)}`)
  }
  // Somebody's upload, of whatever it says that it is.
  if (headers.has('content-disposition')) return undefined
  const json = parsed(body)
  if (typeof json !== 'object' || json === null) return shape(`no JSON object: ${excerpt(body)}`)
  if (status < 400) return undefined
  const { errcode, error, flows, session } = json as Record<string, unknown>
  const isOffer = status === 401 && Array.isArray(flows) && typeof session === 'string'
  if (isOffer || (typeof errcode === 'string' && typeof error === 'string')) return undefined
  return shape(`no Matrix error: ${excerpt(body)}`)
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

function excerpt(body: Uint8Array): string {
  return Buffer.from(body.subarray(0, 200)).toString('utf8')
}
