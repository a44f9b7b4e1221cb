/** A word of a text: as it is looked up, and as it stands there in lower case. */
export interface Word {
  readonly term: string
  readonly surface: string
}

/** A longer word (a link, a key) is looked up by its beginning. UTF-16 units. */
const MAX_TERM_LENGTH = 64
/** Words of one text at most: a page of prose has about 500, an event of 64 KiB some 12,000. */
const MAX_WORDS = 12_000

/**
 * Accents of Latin, Greek and Cyrillic, points of Hebrew, vowel signs of Arabic: what people leave out when they type. The
 * marks of Indic scripts are letters and stay.
 */
const LEFT_OUT = /[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670]/g

const segmenter = new Intl.Segmenter('und', { granularity: 'word' })

/** The words of a text in its order (Unicode Standard Annex 29; of Thai or Chinese by ICU's dictionary). */
export function wordsOf(text: string): Word[] {
  const words: Word[] = []
  for (const { segment, isWordLike } of segmenter.segment(text)) {
    if (!isWordLike) continue
    const surface = segment.toLowerCase()
    words.push({ term: fold(surface), surface })
    if (words.length === MAX_WORDS) break
  }
  return words
}

/** Compatibility forms unified, case and accents gone: `Café`, `CAFE` and `ｃａｆé` are one. */
function fold(word: string): string {
  // Nearly all words of most rooms are plain ASCII, for which the rest changes nothing.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (/^[\x00-\x7f]*$/.test(word)) return word.slice(0, MAX_TERM_LENGTH)
  const plain = word.normalize('NFKD').replace(LEFT_OUT, '').toLowerCase().normalize('NFC')
  return plain.slice(0, MAX_TERM_LENGTH).toWellFormed()
}
