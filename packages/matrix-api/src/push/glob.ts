/**
 * Glob patterns (appendices, "Glob-style matching"): `*` is any run of characters, `?` exactly one; case-insensitive. Matching
 * never backtracks: its time is at most pattern times text, whatever a user or a stranger writes.
 */
export function matchesWhole(pattern: string, text: string): boolean {
  const glob = pattern.toLowerCase()
  const value = text.toLowerCase()
  if (!hasWildcard(glob)) return glob === value
  return runs(
    glob,
    value,
    (position) => position === 0,
    (position) => position === value.length,
  )
}

/** Whether some part of the text that begins and ends at a word boundary matches (`content.body`, content rules). */
export function matchesWords(pattern: string, text: string): boolean {
  const glob = pattern.toLowerCase()
  const value = text.toLowerCase()
  const boundary = (position: number) => isBoundary(value, position)
  return hasWildcard(glob) ? runs(glob, value, boundary, boundary) : hasWord(glob, value)
}

/** The same for a text in which `*` and `?` stand for themselves (display names). */
export function containsWords(literal: string, text: string): boolean {
  return hasWord(literal.toLowerCase(), text.toLowerCase())
}

function hasWildcard(glob: string): boolean {
  return glob.includes('*') || glob.includes('?')
}

function hasWord(word: string, text: string): boolean {
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
    if (isBoundary(text, at) && isBoundary(text, at + word.length)) return true
  }
  return false
}

/** Start, end, or beside a character that is none of `A–Z a–z 0–9 _`. */
function isBoundary(text: string, position: number): boolean {
  return !isWordCharacter(text.charCodeAt(position - 1)) || !isWordCharacter(text.charCodeAt(position))
}

function isWordCharacter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95
}

/**
 * Follows all ways through the pattern at once: `states[i]` says that the text so far can be matched by the first `i`
 * characters of the pattern.
 */
function runs(
  glob: string,
  text: string,
  mayStart: (position: number) => boolean,
  mayEnd: (position: number) => boolean,
): boolean {
  let states = new Uint8Array(glob.length + 1)
  for (let position = 0; position <= text.length; position++) {
    if (mayStart(position)) states[0] = 1
    // A star matches nothing, too: whoever stands before it also stands behind it.
    for (let i = 0; i < glob.length; i++) if (states[i] === 1 && glob[i] === '*') states[i + 1] = 1
    if (states[glob.length] === 1 && mayEnd(position)) return true
    if (position === text.length) return false
    const character = text[position]
    const next = new Uint8Array(glob.length + 1)
    for (let i = 0; i < glob.length; i++) {
      if (states[i] !== 1) continue
      if (glob[i] === '*') next[i] = 1
      else if (glob[i] === '?' || glob[i] === character) next[i + 1] = 1
    }
    states = next
  }
  return false
}
