import type { Request } from 'express'
import { readBounded } from '../../http/body.ts'

const MAX_FORM_BYTES = 16 * 1024

/** The fields of a posted form. */
export async function readForm(request: Request): Promise<URLSearchParams> {
  const bytes = await readBounded(request, MAX_FORM_BYTES)
  return new URLSearchParams(Buffer.from(bytes).toString('utf8'))
}

/**
 * False where a browser says that another site's page sent this. Browsers set both headers on every form post; programs
 * that set neither cannot be tricked by a page.
 */
export function isSameOrigin(request: Request): boolean {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') return false
  const { origin, host } = request.headers
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === host
}
