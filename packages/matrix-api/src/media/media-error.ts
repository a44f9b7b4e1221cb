import { MatrixError } from '../http/matrix-error.ts'

export type MediaErrorCode =
  | 'too-large'
  | 'quota'
  | 'disk-full'
  | 'not-found'
  | 'not-yet-uploaded'
  /** Another server sent less, more or something else than it named. */
  | 'corrupt'
  | 'unreachable'
  | 'no-thumbnail'
  | 'busy'
  /** An upload that makes no progress. */
  | 'too-slow'

/** Why media cannot be stored or given. */
export class MediaError extends Error {
  override readonly name = 'MediaError'
  readonly code: MediaErrorCode

  constructor(code: MediaErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** Statuses of Client-Server API, "Content repository"; what is too large of another server is a 502. */
const ANSWERS: Readonly<Record<MediaErrorCode, readonly [status: number, errcode: string]>> = {
  'too-large': [413, 'M_TOO_LARGE'],
  quota: [403, 'M_FORBIDDEN'],
  'disk-full': [507, 'M_UNKNOWN'],
  'not-found': [404, 'M_NOT_FOUND'],
  'not-yet-uploaded': [504, 'M_NOT_YET_UPLOADED'],
  corrupt: [502, 'M_UNKNOWN'],
  unreachable: [404, 'M_NOT_FOUND'],
  'no-thumbnail': [400, 'M_UNKNOWN'],
  'too-slow': [408, 'M_UNKNOWN'],
  busy: [429, 'M_LIMIT_EXCEEDED'],
}

const BUSY_RETRY_MS = 1_000

/** What a client sees of an error; anything but a `MediaError` is given back as it is. */
export function mediaErrorForClient(error: unknown, origin: 'local' | 'remote'): unknown {
  if (!(error instanceof MediaError)) return error
  const [status, errcode] = ANSWERS[error.code]
  const extra = error.code === 'busy' ? { retry_after_ms: BUSY_RETRY_MS } : {}
  const seen = origin === 'remote' && error.code === 'too-large' ? 502 : status
  return new MatrixError(seen, errcode, error.message, extra)
}
