import type { JsonObject, ServerName } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { AnswerError } from './answer-error.ts'
import type { RequestMethod } from './envelope.ts'

interface Row {
  readonly answer: Answer
  readonly segments: readonly string[]
}

/**
 * The only things that a peer can ask for: one row per method and path. There is no way from here to an HTTP route or a
 * local port.
 */
export class AnswerTable {
  readonly #rows: readonly Row[]

  /** @throws Error where two rows have the same method and path. */
  constructor(answers: readonly Answer[]) {
    const seen = new Set<string>()
    this.#rows = answers.map((answer) => {
      const shape = `${answer.method} ${answer.path.replace(/\{[^}]*\}/g, '{}')}`
      if (seen.has(shape)) throw new Error(`two answers for ${shape}`)
      seen.add(shape)
      return { answer, segments: answer.path.split('/') }
    })
  }

  /** @throws AnswerError `M_UNRECOGNIZED` where no row fits, and what the row throws. */
  async answer(request: {
    readonly origin: ServerName
    readonly method: RequestMethod
    readonly uri: string
    readonly content: JsonObject | undefined
    readonly signal?: AbortSignal
  }): Promise<JsonObject> {
    const mark = request.uri.indexOf('?')
    const path = mark === -1 ? request.uri : request.uri.slice(0, mark)
    const segments = path.split('/').map(decode)
    const fitting = this.#rows.flatMap((row) => {
      const params = match(row.segments, segments)
      return params ? [{ answer: row.answer, params }] : []
    })
    const found = fitting.find(({ answer }) => answer.method === request.method)
    if (!found) {
      throw fitting.length > 0
        ? new AnswerError(405, 'M_UNRECOGNIZED', 'This path does not take this method.')
        : new AnswerError(404, 'M_UNRECOGNIZED', 'Nothing is answered at this path.')
    }
    return found.answer.answer({
      origin: request.origin,
      params: found.params,
      query: new URLSearchParams(mark === -1 ? '' : request.uri.slice(mark + 1)),
      content: request.content,
      ...(request.signal ? { signal: request.signal } : {}),
    })
  }
}

function decode(segment: string): string {
  try {
    const text = decodeURIComponent(segment)
    if (!text.includes('\0')) return text
  } catch (error) {
    if (!(error instanceof URIError)) throw error
  }
  throw new AnswerError(400, 'M_INVALID_PARAM', 'The path is not properly escaped.')
}

/** Rows are few and short: a walk over all of them costs less than verifying the request. */
function match(row: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (row.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of row.entries()) {
    const segment = segments[index] ?? ''
    if (part.startsWith('{')) {
      if (segment === '') return undefined
      params[part.slice(1, -1)] = segment
    } else if (part !== segment) return undefined
  }
  return params
}
