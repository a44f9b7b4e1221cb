/** The bound on every identifier, in UTF-8 bytes, sigil and domain included. Appendices, "Common Identifier Format". */
export const MAX_ID_BYTES = 255

/**
 * Length of `text` in UTF-8, without encoding it. A lone surrogate counts three bytes, as its replacement character would.
 * Stops counting past `limit` (the answer is then only known to be larger).
 */
export function utf8Length(text: string, limit: number = Number.MAX_SAFE_INTEGER): number {
  let bytes = 0
  for (let i = 0; i < text.length && bytes <= limit; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    else if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(i + 1))) {
      bytes += 4
      i++
    } else bytes += 3
  }
  return bytes
}

/** True if `text` takes at most `limit` bytes of UTF-8. Constant time for texts that cannot fit or cannot exceed. */
export function fitsBytes(text: string, limit: number = MAX_ID_BYTES): boolean {
  if (text.length > limit) return false
  if (text.length * 3 <= limit) return true
  return utf8Length(text, limit) <= limit
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}
