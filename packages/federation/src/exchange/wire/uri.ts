const V1 = '/_matrix/federation/v1'
const V2 = '/_matrix/federation/v2'

type Query = Readonly<Record<string, string | number | readonly string[]>>

/** `/_matrix/federation/v1/…` with every part of the path escaped. */
export function v1(path: string, ids: readonly string[], query: Query = {}): string {
  return build(V1, path, ids, query)
}

export function v2(path: string, ids: readonly string[], query: Query = {}): string {
  return build(V2, path, ids, query)
}

function build(base: string, path: string, ids: readonly string[], query: Query): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one))
  }
  const tail = ids.map((id) => `/${encodeURIComponent(id)}`).join('')
  return `${base}/${path}${tail}${search.size > 0 ? `?${search}` : ''}`
}
