import type { ServerName, UserId } from '@starling/protocol'
import { parseUserId, publicKeyFromServerName, serverOf } from '@starling/protocol'

/** What somebody typed into a user search, understood. */
export type SearchTerm =
  | { readonly kind: 'user'; readonly userId: UserId }
  | { readonly kind: 'server'; readonly server: ServerName; readonly addresses: readonly string[] }
  /** A PeerId, or a multiaddress that ends in one. */
  | { readonly kind: 'peer'; readonly target: string }
  | { readonly kind: 'named'; readonly name: string; readonly suffix: string }
  | { readonly kind: 'text'; readonly text: string }

const MAX_TERM = 2_048
const MAX_ADDRESSES = 8
const PEER_ID = /^(12D3KooW|Qm)[1-9A-HJ-NP-Za-km-z]{38,48}$/
const P2P_ADDRESS = /^(\/[^\s/]+)*\/p2p\/[1-9A-HJ-NP-Za-km-z]+(\/p2p-circuit(\/p2p\/[1-9A-HJ-NP-Za-km-z]+)?)?$/
/** A term that begins like a user id is one, or the beginning of one. */
const NAME_AND_SUFFIX = /^([^@].*):([a-z2-7]{7,65})$/iu

/**
 * Understands a display name, `name:suffix`, a user id, a server name, `/p2p/<PeerId>` or a longer multiaddress, a PeerId, a
 * node link (`starling:<server name>?addr=<multiaddress>`), and links to a user (`matrix:u/…`, `https://matrix.to/#/@…`).
 */
export function parseSearchTerm(typed: string): SearchTerm | undefined {
  const term = typed.slice(0, MAX_TERM).trim()
  if (term === '') return undefined
  return nodeLink(term) ?? peerTerm(term) ?? idTerm(unwrapLink(term)) ?? namedTerm(term) ?? { kind: 'text', text: term }
}

function nodeLink(term: string): SearchTerm | undefined {
  const link = /^starling:(?:\/\/)?([a-z2-7]+)\/?(?:\?(.*))?$/.exec(term)
  const server = link?.[1]
  if (!link || server === undefined || !publicKeyFromServerName(server)) return undefined
  const addresses = new URLSearchParams(link[2] ?? '').getAll('addr').filter((address) => P2P_ADDRESS.test(address))
  return { kind: 'server', server: server as ServerName, addresses: addresses.slice(0, MAX_ADDRESSES) }
}

function peerTerm(term: string): SearchTerm | undefined {
  if (PEER_ID.test(term)) return { kind: 'peer', target: term }
  if (!P2P_ADDRESS.test(term)) return undefined
  const bare = /^\/p2p\/([^/]+)$/.exec(term)
  return { kind: 'peer', target: bare?.[1] ?? term }
}

function idTerm(term: string): SearchTerm | undefined {
  const userId = parseUserId(term)
  if (userId && publicKeyFromServerName(serverOf(userId))) return { kind: 'user', userId }
  const name = term.toLowerCase()
  if (publicKeyFromServerName(name)) return { kind: 'server', server: name as ServerName, addresses: [] }
  return undefined
}

function namedTerm(term: string): SearchTerm | undefined {
  const match = NAME_AND_SUFFIX.exec(term)
  const [, name = '', suffix = ''] = match ?? []
  return match && name.trim() !== '' ? { kind: 'named', name: name.trim(), suffix: suffix.toLowerCase() } : undefined
}

function unwrapLink(term: string): string {
  const link = /^https?:\/\/matrix\.to\/#\/([^?/]+)/.exec(term)?.[1]
  if (link !== undefined) return decode(link)
  const uri = /^matrix:u\/([^?/]+)/.exec(term)?.[1]
  return uri === undefined ? term : `@${decode(uri)}`
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}
