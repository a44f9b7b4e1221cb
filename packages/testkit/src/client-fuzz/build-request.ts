import type { Loose, LooseObject } from '../fuzz/mutate-json.ts'
import type { Random } from '../fuzz/random.ts'
import type { Cast, Person } from './cast.ts'
import type { RecordedRequest } from './corpus.ts'
import type { WireRequest } from './wire-request.ts'

/** A request that is still valid, with what the mutations need to know of it. */
export interface Draft {
  readonly recorded: RecordedRequest
  readonly asker: Person
  readonly request: WireRequest
  /** Its body as JSON, where it is that; written to `request.body` at the end. */
  json: LooseObject | undefined
}

export function buildDraft(recorded: RecordedRequest, cast: Cast, random: Random, host: string): Draft {
  const asker = random.pick(cast.people)
  const fill = (text: string) => cast.fill(text, asker, random)
  const path = recorded.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(fill(recorded.params?.[name] ?? 'x')),
  )
  const query = Object.entries(recorded.query ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}=${encodeURIComponent(fill(one))}`),
  )
  const headers: [string, string][] = [['Host', host]]
  if (recorded.token) headers.push(['Authorization', `Bearer ${asker.token}`])
  const json = recorded.body && filled(recorded.body, fill)
  const body = bodyOf(recorded, fill)
  if (json) headers.push(['Content-Type', 'application/json'])
  else if (body) headers.push(['Content-Type', recorded.base64 ? 'image/png' : 'text/plain'])
  const request: WireRequest = {
    ...{ id: recorded.id, changes: [], method: recorded.method, path, query, headers, body },
    ...{ framing: 'length', lie: 0, version: 'HTTP/1.1' },
  }
  return { recorded, asker, request, json }
}

/** Puts the JSON body, bent or not, into the request. */
export function finish({ request, json }: Draft): WireRequest {
  if (json && request.body === undefined && !request.raw) request.body = Buffer.from(JSON.stringify(json))
  return request
}

function bodyOf({ text, base64 }: RecordedRequest, fill: (text: string) => string): Uint8Array | undefined {
  if (text !== undefined) return Buffer.from(fill(text))
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64')
}

function filled<T extends Loose>(value: T, fill: (text: string) => string): T {
  if (typeof value === 'string') return fill(value) as T
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => filled(item, fill)) as T
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [fill(key), filled(item, fill)])) as T
}
