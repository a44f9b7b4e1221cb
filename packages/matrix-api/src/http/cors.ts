import type { ServerResponse } from 'node:http'

/** Client-Server API, "Web Browser Clients". On every answer, errors included: a page cannot read an error without them. */
const CORS_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers': 'X-Requested-With, Content-Type, Authorization',
  'access-control-expose-headers': 'Retry-After, Content-Disposition',
}

/** A day; browsers cap it (Chromium at two hours). */
const PREFLIGHT_MAX_AGE_S = 86_400

export function setCorsHeaders(response: ServerResponse): void {
  for (const [name, value] of Object.entries(CORS_HEADERS)) response.setHeader(name, value)
}

/** Answers a preflight. Nothing else of the endpoint runs. */
export function answerPreflight(response: ServerResponse): void {
  response.setHeader('access-control-max-age', String(PREFLIGHT_MAX_AGE_S))
  response.writeHead(204).end()
}
