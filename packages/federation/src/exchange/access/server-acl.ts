import type { JsonObject, ServerName } from '@starling/protocol'
import { asArray } from '../wire/read-json.ts'

/** Patterns and characters of a pattern that are looked at; an event of 64 KiB cannot hold more than this by much. */
const MAX_PATTERN_CHARS = 512

const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/

/**
 * `m.room.server_acl` (Client-Server API, "Server Access Control Lists"): who may take part in a room, by server name
 * without port, case-insensitively. `content` undefined: there is no such event, everybody may.
 */
export function isAllowedByAcl(content: JsonObject | undefined, server: ServerName): boolean {
  if (!content) return true
  const host = hostOf(server)
  if (content.allow_ip_literals === false && (host.startsWith('[') || IPV4.test(host))) return false
  if (matchesAny(content.deny, host)) return false
  return matchesAny(content.allow, host)
}

function hostOf(server: ServerName): string {
  return server.replace(/:\d{1,5}$/, '').toLowerCase()
}

function matchesAny(patterns: unknown, host: string): boolean {
  return (asArray(patterns) ?? []).some(
    (pattern) =>
      typeof pattern === 'string' && pattern.length <= MAX_PATTERN_CHARS && matchesGlob(pattern.toLowerCase(), host),
  )
}

/**
 * `*` is any run of characters, `?` any one (appendices, "Glob-style matching"). Remembers only the last star, so time is
 * at most pattern × text whatever the pattern (CVE-2023-45129); no regular expression is built.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++
      resume = t
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++
      t++
    } else if (star !== -1) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
