import { MatrixError } from '../../http/matrix-error.ts'

/** Clients send 100 to 200 sessions of about 1 KiB at a time; a first import may bring more. */
export const MAX_BACKUP_BODY_BYTES = 16 * 1024 * 1024

/** The required `version` of the requests for keys. */
export function versionQuery({ version }: Readonly<Record<string, string>>): string {
  if (version === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: version')
  return version
}
