import { createHash } from 'node:crypto'
import type { RandomBytes } from '@starling/protocol'

/** 32 random bytes: guessing is out of the question, so a plain hash is enough to keep them safe at rest. */
const TOKEN_BYTES = 32

/** What kind a token is stands in its first letters, so that a leaked one can be told apart. */
export type TokenKind = 'access' | 'refresh' | 'login' | 'openid'

const PREFIXES: Readonly<Record<TokenKind, string>> = { access: 'sta_', refresh: 'str_', login: 'stl_', openid: 'sto_' }

export function newToken(kind: TokenKind, randomBytes: RandomBytes): string {
  return PREFIXES[kind] + Buffer.from(randomBytes(TOKEN_BYTES)).toString('base64url')
}

/** SHA-256, base64url: the only form in which a token is stored. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('base64url')
}
