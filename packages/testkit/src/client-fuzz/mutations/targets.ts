import type { Random } from '../../fuzz/random.ts'
import type { Mutation } from './mutation.ts'
import { oddPiece, oddValueText } from './odd-text.ts'

const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND', 'QUERY', 'M-SEARCH']

/** Which pieces of the path an id, a type or a key was put into. */
function filledPieces(pattern: string): number[] {
  return pattern.split('/').flatMap((piece, index) => (piece.includes('{') ? [index] : []))
}

function withPiece(path: string, index: number, piece: string): string {
  return path
    .split('/')
    .map((old, at) => (at === index ? piece : old))
    .join('/')
}

/** What is asked for: path, query, method. */
export const TARGET_MUTATIONS: readonly (readonly [weight: number, name: string, mutation: Mutation])[] = [
  [
    6,
    'odd parameter',
    ({ request, recorded }, random) => {
      const pieces = filledPieces(recorded.path)
      if (pieces.length > 0) request.path = withPiece(request.path, random.pick(pieces), oddPiece(random))
    },
  ],
  [
    3,
    "another kind's parameter",
    ({ request, recorded, asker }, random, cast) => {
      const pieces = filledPieces(recorded.path)
      if (pieces.length === 0) return
      request.path = withPiece(request.path, random.pick(pieces), encodeURIComponent(cast.anything(asker, random)))
    },
  ],
  [
    2,
    'bent parameter',
    ({ request, recorded }, random) => {
      const pieces = filledPieces(recorded.path)
      if (pieces.length === 0) return
      const index = random.pick(pieces)
      request.path = withPiece(request.path, index, bent(request.path.split('/')[index] ?? '', random))
    },
  ],
  [
    2,
    'odd path',
    ({ request }, random) => {
      const pieces = request.path.split('/')
      request.path = random.pick([
        () => `${request.path}/`,
        () => `/${request.path}`,
        () => `${request.path}/${oddPiece(random)}`,
        () => pieces.slice(0, -1).join('/'),
        () => withPiece(request.path, 1 + random.below(pieces.length - 1), oddPiece(random)),
        () => request.path.replace('/v3/', random.pick(['/r0/', '/v1/', '/unstable/', '/V3/', '/v3//', '/api/v1/'])),
        () => `${request.path}#fragment`,
        () => `http://evil.example${request.path}`,
        () => request.path.slice(1) || '*',
        () => '*',
      ])()
    },
  ],
  [
    7,
    'odd query value',
    ({ request, recorded }, random) => {
      const names = recorded.names ?? []
      const name = names.length > 0 && random.chance(0.9) ? random.pick(names) : random.pick(['limit', 'from', 'x', ''])
      const value = oddValueText(random)
      const rest = request.query.filter((pair) => random.chance(0.1) || !pair.startsWith(`${name}=`))
      request.query = random.chance(0.9) ? [...rest, `${name}=${value}`] : [`${name}=${value}`, ...request.query]
    },
  ],
  [
    2,
    'odd query',
    ({ request }, random) => {
      request.query = random.pick([
        () => [],
        () => [...request.query, ...request.query],
        () => [...request.query, '=', '&', '?', '%', '%ff=%ff', '__proto__=1', 'a[b]=1', 'constructor=1'],
        () => [...request.query, ...Array.from({ length: 500 }, (_, at) => `x${at}=${at}`)],
        () => request.query.map((pair) => pair.replace('=', random.pick(['', '[]=', '==']))),
        () => [...request.query, `x=${'y'.repeat(random.pick([5_000, 15_000]))}`],
        () => [...request.query, `access_token=${random.pick(['', 'x', '%00'])}`],
      ])()
    },
  ],
  [
    2,
    'another method',
    ({ request }, random) => {
      request.method = random.pick(METHODS)
    },
  ],
]

function bent(piece: string, random: Random): string {
  const at = random.below(piece.length + 1)
  const put = random.pick(['', 'A', '%', '%00', '%2F', '%3A', '.', '%C3%A9', '%0A', '~'])
  return piece.slice(0, at) + put + piece.slice(at + (random.chance(0.5) ? 1 : 0))
}
