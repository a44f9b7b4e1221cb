import type { Endpoint } from './endpoint.ts'

/** What a path leads to. */
export type RouteMatch =
  | {
      readonly kind: 'found'
      readonly endpoint: Endpoint
      readonly params: Readonly<Record<string, string>>
      /** The matched pattern, for metrics: never the path itself, which holds ids. */
      readonly route: string
    }
  /** The path exists with these other methods. */
  | { readonly kind: 'wrong-method'; readonly allowed: readonly string[] }
  | { readonly kind: 'unknown' }
  /** Undecodable, or made to leave its place: NUL, `..`. */
  | { readonly kind: 'bad-path' }

interface Leaf {
  readonly endpoint: Endpoint
  readonly names: readonly string[]
  readonly route: string
}

interface Node {
  readonly literals: Map<string, Node>
  parameter: Node | undefined
  readonly leaves: Map<string, Leaf>
}

interface Found {
  readonly node: Node
  readonly values: readonly string[]
}

/**
 * Finds an endpoint by path in as many steps as the path has parts, however many endpoints there are. Literals win over
 * parameters. Paths are compared after decoding, part by part, so an encoded slash stays inside its parameter.
 */
export class RouteTable {
  readonly #root = newNode()

  constructor(endpoints: readonly Endpoint[]) {
    for (const endpoint of endpoints) {
      for (const path of pathsOf(endpoint)) this.#add(path, endpoint)
    }
  }

  /** `rawPath`: as on the request line, without the query. */
  match(method: string, rawPath: string): RouteMatch {
    const parts = decodeParts(rawPath)
    if (!parts) return { kind: 'bad-path' }
    const bare = parts.at(-1) === '' ? parts.slice(0, -1) : undefined
    const node = this.#find(parts) ?? this.#find(bare ?? [...parts, ''])
    if (!node) return { kind: 'unknown' }
    const leaf = node.node.leaves.get(method === 'HEAD' ? 'GET' : method)
    if (!leaf) return { kind: 'wrong-method', allowed: [...node.node.leaves.keys()] }
    const params: Record<string, string> = Object.create(null) as Record<string, string>
    for (const [index, name] of leaf.names.entries()) params[name] = node.values[index] ?? ''
    return { kind: 'found', endpoint: leaf.endpoint, params, route: leaf.route }
  }

  #add(path: string, endpoint: Endpoint): void {
    let node = this.#root
    const names: string[] = []
    for (const part of path.slice(1).split('/')) {
      const name = /^\{(\w+)\}$/.exec(part)?.[1]
      if (name) {
        names.push(name)
        node.parameter ??= newNode()
        node = node.parameter
      } else {
        let next = node.literals.get(part)
        if (!next) {
          next = newNode()
          node.literals.set(part, next)
        }
        node = next
      }
    }
    if (node.leaves.has(endpoint.method)) throw new Error(`two endpoints for ${endpoint.method} ${path}`)
    node.leaves.set(endpoint.method, { endpoint, names, route: path })
  }

  #find(parts: readonly string[]): Found | undefined {
    const walk = (node: Node, index: number, values: readonly string[]): Found | undefined => {
      const part = parts[index]
      if (part === undefined) return acceptable(node, values) ? { node, values } : undefined
      const literal = node.literals.get(part)
      const byLiteral = literal && walk(literal, index + 1, values)
      if (byLiteral || !node.parameter) return byLiteral
      return walk(node.parameter, index + 1, [...values, part])
    }
    return walk(this.#root, 0, [])
  }
}

/** Only a state key may be empty (`/state/m.room.name/`); elsewhere an empty part is a stray slash. */
function acceptable(node: Node, values: readonly string[]): boolean {
  if (node.leaves.size === 0) return false
  const empty = values.indexOf('')
  if (empty === -1) return true
  return empty === values.length - 1 && [...node.leaves.values()].every((leaf) => leaf.names[empty] === 'stateKey')
}

function pathsOf(endpoint: Endpoint): string[] {
  const paths = new Set([endpoint.path, ...(endpoint.aliases ?? [])])
  for (const path of [...paths]) {
    if (/^\/_matrix\/(client|media)\/v3\//.test(path)) paths.add(path.replace('/v3/', '/r0/'))
  }
  return [...paths]
}

function decodeParts(rawPath: string): string[] | undefined {
  if (!rawPath.startsWith('/')) return undefined
  const parts: string[] = []
  for (const raw of rawPath.slice(1).split('/')) {
    const part = decodePart(raw)
    if (part === undefined || part.includes('\0') || part.split(/[/\\]/).some((step) => step === '..')) return undefined
    parts.push(part)
  }
  return parts
}

function decodePart(raw: string): string | undefined {
  if (!raw.includes('%')) return raw
  try {
    return decodeURIComponent(raw)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function newNode(): Node {
  return { literals: new Map(), parameter: undefined, leaves: new Map() }
}
