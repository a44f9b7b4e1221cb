import { createHash } from 'node:crypto'
import type { Clock, JsonObject, KeyValueStore, ServerName } from '@starling/protocol'
import { OutboundError } from '../../http/outbound/outbound-error.ts'
import { fetchPublicUrl, type PublicAnswer, type PublicFetchDeps } from '../../http/outbound/public-fetch.ts'
import { buckets } from '../../store/buckets.ts'
import { defineTable } from '../../store/table.ts'
import { ConcurrencyLimit } from '../concurrency-limit.ts'
import { imageFormat } from '../image-header.ts'
import { type PageFacts, pageFacts } from './page-facts.ts'
import type { PreviewImages } from './preview-images.ts'

interface PreviewRow {
  readonly preview: JsonObject
  /** Milliseconds since the Unix epoch. */
  readonly fetchedAt: number
}

export interface UrlPreviewsDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly serverName: ServerName
  readonly images: PreviewImages
  /** How to reach the Internet, if not as the operating system does: for tests. */
  readonly fetching?: PublicFetchDeps
}

const PAGE = { maxBytes: 512 * 1024, timeoutMs: 10_000, maxRedirects: 5, overflow: 'cut' } as const
const IMAGE = { maxBytes: 5 * 1024 * 1024, timeoutMs: 10_000, maxRedirects: 5 } as const
/** A preview is given out again for so long; its image is there a little longer. */
const LIFE_MS = 60 * 60 * 1000
const IMAGE_LIFE_MS = 24 * LIFE_MS
/** Previews remembered; beyond that the oldest go first. */
const MAX_PREVIEWS = 1_000
/** Given out as numbers, as the page has them. */
const SIDES = ['og:image:width', 'og:image:height'] as const
const WORK = { running: 4, waiting: 50 } as const

/** What is asked for in the name of a client that wants to show a link (Client-Server API, `GET /media/preview_url`). */
export class UrlPreviews {
  readonly #deps: UrlPreviewsDeps
  readonly #rows
  readonly #work = new ConcurrencyLimit(WORK)
  /** By URL: one fetch for all who ask at once. */
  readonly #running = new Map<string, Promise<JsonObject>>()

  constructor(deps: UrlPreviewsDeps) {
    this.#deps = deps
    this.#rows = defineTable<[digest: string], PreviewRow>(deps.store, buckets.urlPreviews, 's')
  }

  /** OpenGraph data of the page, empty where it has none. Throws `OutboundError`, and `MediaError` `busy`. */
  async preview(url: string): Promise<JsonObject> {
    const digest = createHash('sha256').update(url, 'utf8').digest('base64url')
    const known = await this.#rows.get(digest)
    if (known && this.#deps.clock.now() - known.fetchedAt < LIFE_MS) return known.preview
    const running = this.#running.get(digest)
    if (running !== undefined) return running
    const made = this.#work
      .run(() => this.#make(url, digest))
      .finally(() => {
        this.#running.delete(digest)
      })
    this.#running.set(digest, made)
    return made
  }

  async #make(url: string, digest: string): Promise<JsonObject> {
    const { store, clock, fetching } = this.#deps
    const answer = await fetchPublicUrl({ ...PAGE, url, headers: { accept: 'text/html, image/*;q=0.9' } }, fetching)
    if (answer.status < 200 || answer.status > 299) {
      throw new OutboundError('unreachable', `The page answers with status ${answer.status}`)
    }
    const preview = await this.#describe(answer)
    await store.batch([this.#rows.put([digest], { preview, fetchedAt: clock.now() })], { durable: false })
    await this.#evict()
    return preview
  }

  async #describe(answer: PublicAnswer): Promise<JsonObject> {
    const type = mediaTypeOf(answer)
    if (type.startsWith('image/')) return this.#imageAt(answer.url.href)
    if (type !== 'text/html' && type !== 'application/xhtml+xml') return {}
    return this.#openGraph(pageFacts(answer.body, answer.headers['content-type']), answer.url)
  }

  /** The page's own properties; its image is replaced by a copy here, or left out where that cannot be had. */
  async #openGraph({ properties }: PageFacts, page: URL): Promise<JsonObject> {
    const said = [...properties].filter(([key]) => key !== 'og:image' && !key.startsWith('og:image:'))
    const source = properties.get('og:image') ?? properties.get('og:image:url')
    const image =
      source !== undefined && URL.canParse(source, page.href) ? await this.#imageAt(new URL(source, page).href) : {}
    const sides = Object.keys(image).length === 0 ? [] : SIDES.flatMap((key) => integerOf(key, properties.get(key)))
    return { ...Object.fromEntries(said), ...Object.fromEntries(sides), ...image }
  }

  /** An image that cannot be fetched, is none, or is too large leaves the preview without one. */
  async #imageAt(url: string): Promise<JsonObject> {
    const { images, clock, serverName, fetching } = this.#deps
    let answer: PublicAnswer
    try {
      answer = await fetchPublicUrl({ ...IMAGE, url, headers: { accept: 'image/*' } }, fetching)
    } catch (error) {
      if (error instanceof OutboundError) return {}
      throw error
    }
    const format = answer.status === 200 ? imageFormat(Buffer.from(answer.body.subarray(0, 32))) : undefined
    if (!format) return {}
    const type = `image/${format}`
    const mediaId = await images.keep(answer.body, type, clock.now() + IMAGE_LIFE_MS)
    return {
      'og:image': `mxc://${serverName}/${mediaId}`,
      'og:image:type': type,
      'matrix:image:size': answer.body.length,
    }
  }

  async #evict(): Promise<void> {
    const rows = await Array.fromAsync(this.#rows.scan([]))
    if (rows.length <= MAX_PREVIEWS) return
    rows.sort((a, b) => a.row.fetchedAt - b.row.fetchedAt)
    const gone = rows.slice(0, rows.length - MAX_PREVIEWS)
    await this.#deps.store.batch(
      gone.map(({ key }) => this.#rows.del(...key)),
      { durable: false },
    )
  }
}

function integerOf(key: string, text: string | undefined): [string, number][] {
  return text !== undefined && /^\d{1,6}$/.test(text) ? [[key, Number(text)]] : []
}

function mediaTypeOf({ headers }: PublicAnswer): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}
