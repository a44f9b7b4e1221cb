import { MatrixError } from '../http/matrix-error.ts'
import type { KeyFault } from './key-shapes.ts'

const ERRCODES: Readonly<Record<KeyFault['code'], string>> = {
  'bad-json': 'M_BAD_JSON',
  'invalid-param': 'M_INVALID_PARAM',
  'invalid-signature': 'M_INVALID_SIGNATURE',
}

/** The 400 that tells a client what is wrong with a key of its own. */
export function keyFaultError(fault: KeyFault): MatrixError {
  return new MatrixError(400, ERRCODES[fault.code], fault.message)
}
