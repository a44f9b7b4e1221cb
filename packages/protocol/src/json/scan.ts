import { JsonError } from './json-error.ts'

const QUOTE = 0x22
const COLON = 0x3a
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const BACKSLASH = 0x5c
const LOWER_U = 0x75
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Longest run of digits that is within ±(2^53−1) whatever they are. */
const SAFE_DIGITS = 15

/**
 * One pass over a JSON text for what `JSON.parse` does not mind: depth, numbers, escaped surrogates. Answers the number of
 * object members (colons outside strings). On text that is not JSON it may answer anything: the parser then refuses it.
 * Strings are skipped by `indexOf`, so the pass runs at native speed over most of an event.
 */
export function scanJson(text: string, numbers: 'integers' | 'any', maxDepth: number): number {
  let depth = 0
  let members = 0
  let backslash = text.indexOf('\\')
  if (backslash === -1) backslash = text.length
  const { length } = text
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === QUOTE) {
      let end = text.indexOf('"', i + 1)
      if (end === -1) end = length
      if (backslash < end) {
        end = skipEscapedString(text, i + 1)
        backslash = text.indexOf('\\', end)
        if (backslash === -1) backslash = length
      }
      i = end
    } else if (unit === COLON) members++
    else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      if (++depth > maxDepth) throw new JsonError('too_deep', `nested deeper than ${maxDepth}`, { offset: i })
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) depth--
    else if ((unit >= ZERO && unit <= NINE) || unit === MINUS) i = skipNumber(text, i, numbers) - 1
  }
  return members
}

/** From just inside a string with escapes: the offset of its closing quote (or of the end of the text). */
function skipEscapedString(text: string, start: number): number {
  let i = start
  for (; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === QUOTE) return i
    if (unit !== BACKSLASH) continue
    i++
    if (text.charCodeAt(i) !== LOWER_U) continue
    const escaped = hexUnit(text, i + 1)
    if (escaped >= 0xd800 && escaped <= 0xdbff && isEscapedLow(text, i + 5)) i += 10
    else if (escaped >= 0xd800 && escaped <= 0xdfff) {
      throw new JsonError('lone_surrogate', 'lone surrogate', { offset: i - 1 })
    } else i += 4
  }
  return i
}

function isEscapedLow(text: string, at: number): boolean {
  if (text.charCodeAt(at) !== BACKSLASH || text.charCodeAt(at + 1) !== LOWER_U) return false
  const unit = hexUnit(text, at + 2)
  return unit >= 0xdc00 && unit <= 0xdfff
}

/** Four hexadecimal digits as a code unit; NaN (which is in no range) where they are not. */
function hexUnit(text: string, at: number): number {
  const digits = text.slice(at, at + 4)
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN
}

/** The offset after a number that starts at `start`; throws for one that may not be there. */
function skipNumber(text: string, start: number, numbers: 'integers' | 'any'): number {
  let i = start + 1
  let integer = true
  for (; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= ZERO && unit <= NINE) continue
    // . + - E e continue a number; whatever else ends it.
    if (unit === 0x2e || unit === 0x2b || unit === MINUS || unit === 0x45 || unit === 0x65) integer = false
    else break
  }
  if (numbers === 'any') {
    if (i - start > SAFE_DIGITS && !Number.isFinite(Number(text.slice(start, i)))) throw badNumber('not finite', start)
    if (!integer && !Number.isFinite(Number(text.slice(start, i)))) throw badNumber('not finite', start)
    return i
  }
  if (!integer) throw badNumber('a fraction or exponent', start)
  if (text.charCodeAt(start) === MINUS && text.charCodeAt(start + 1) === ZERO) throw badNumber('-0', start)
  if (i - start > SAFE_DIGITS && !Number.isSafeInteger(Number(text.slice(start, i)))) {
    throw badNumber('an integer beyond ±(2^53−1)', start)
  }
  return i
}

function badNumber(what: string, offset: number): JsonError {
  return new JsonError('bad_number', `${what} is no number of canonical JSON`, { offset })
}
