import { Parser } from 'htmlparser2'

/** What a page says of itself, in its own words. */
export interface PageFacts {
  /** `og:…` properties, the first of each; with `og:title` and `og:description` from elsewhere in the page where it has none. */
  readonly properties: ReadonlyMap<string, string>
}

/** Bytes given to the parser between two looks at the bounds. */
const SLICE = 4 * 1024
/** Beyond any of these the rest of the page is not looked at (bad input 86). */
const MAX_TAGS = 10_000
const MAX_DEPTH = 200
const MAX_PROPERTIES = 50
/** UTF-16 units of a value; what is longer is cut. */
const MAX_VALUE = 1_000
/** Bytes of a page in which it may name its character encoding (HTML, "Determining the character encoding"). */
const ENCODING_BYTES = 1_024

/** Other names under which pages say the same, the better ones first. */
const FALLBACKS: Readonly<Record<string, readonly string[]>> = {
  'og:title': ['twitter:title', 'title'],
  'og:description': ['twitter:description', 'description'],
  'og:image': ['twitter:image', 'twitter:image:src', 'image_src'],
}

/** Reads the head of a page. Nothing is run, nothing else is fetched, and work is bounded whatever the page holds. */
export function pageFacts(bytes: Uint8Array, contentType: string | undefined): PageFacts {
  const text = new TextDecoder(encodingOf(bytes, contentType)).decode(bytes)
  const reading = new HeadReading()
  const parser = new Parser(reading, { decodeEntities: true })
  for (let at = 0; at < text.length && !reading.done; at += SLICE) parser.write(text.slice(at, at + SLICE))
  return { properties: withFallbacks(reading.found) }
}

class HeadReading {
  readonly found = new Map<string, string>()
  done = false
  #tags = 0
  #depth = 0
  #title: string | undefined

  onopentag(name: string, attributes: Readonly<Record<string, string>>): void {
    this.#tags += 1
    this.#depth += 1
    if (this.#tags > MAX_TAGS || this.#depth > MAX_DEPTH) this.done = true
    if (this.done) return
    if (name === 'meta') this.#keep(attributes.property ?? attributes.name, attributes.content)
    else if (name === 'title') this.#title = ''
    else if (name === 'link' && attributes.rel === 'image_src') this.#keep('image_src', attributes.href)
  }

  ontext(text: string): void {
    if (this.#title !== undefined && this.#title.length < MAX_VALUE) this.#title += text
  }

  onclosetag(name: string): void {
    this.#depth -= 1
    if (name === 'title' && this.#title !== undefined) {
      this.#keep('title', this.#title)
      this.#title = undefined
    }
    if (name === 'head') this.done = true
  }

  #keep(name: string | undefined, value: string | undefined): void {
    const key = name?.trim().toLowerCase()
    if (key === undefined || !isOfInterest(key) || this.found.has(key) || this.found.size >= MAX_PROPERTIES) return
    const clean = value?.replace(/\s+/g, ' ').trim().slice(0, MAX_VALUE).toWellFormed()
    if (clean) this.found.set(key, clean)
  }
}

function isOfInterest(key: string): boolean {
  return /^og:[\w:]{1,60}$/.test(key) || Object.values(FALLBACKS).some((names) => names.includes(key))
}

function withFallbacks(found: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const properties = new Map([...found].filter(([key]) => key.startsWith('og:')))
  for (const [property, names] of Object.entries(FALLBACKS)) {
    const source = names.find((name) => found.has(name))
    if (!properties.has(property) && source !== undefined) properties.set(property, found.get(source) ?? '')
  }
  return properties
}

/** As the answer's header says, else the page's beginning; UTF-8 where neither does or the name is unknown. */
function encodingOf(bytes: Uint8Array, contentType: string | undefined): string {
  const head = Buffer.from(bytes.subarray(0, ENCODING_BYTES)).toString('latin1')
  const named = /charset\s*=\s*["']?([\w-]{1,40})/i
  const label = named.exec(contentType ?? '')?.[1] ?? named.exec(head)?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(label).encoding
  } catch (error) {
    if (error instanceof RangeError) return 'utf-8'
    throw error
  }
}
