import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Metadata, Sharp } from 'sharp'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import { type ImageFormat, imageFormatOf } from './image-header.ts'
import type { MediaRecord } from './local-media.ts'
import { MediaError } from './media-error.ts'
import { isMissing, type MediaFiles } from './media-files.ts'

export interface ThumbnailRequest {
  readonly width: number
  readonly height: number
  readonly method: 'crop' | 'scale'
  readonly animated: boolean
}

/** A file to serve. */
export interface Thumbnail {
  readonly path: string
  readonly size: number
  readonly contentType: string
}

export interface ThumbnailLimits {
  /** Pixels of all frames together that are decoded at most, by the header's word: about 400 MB of memory at worst. */
  readonly maxPixels: number
  /** Bytes of a file that is looked into at all. */
  readonly maxBytes: number
}

export const THUMBNAIL_LIMITS: ThumbnailLimits = { maxPixels: 100_000_000, maxBytes: 50 * 1024 * 1024 }

/** Sizes kept per image; a request for one more makes room by dropping them all. Clients use three or four. */
const MAX_SIZES_PER_IMAGE = 16

/** libvips uses one thread per image here, so that thumbnails leave a core for the rest of the node. */
const WORK = { running: 2, waiting: 100 } as const
const DECODE_TIMEOUT_S = 20

/** Original formats that the spec has for thumbnails, served as they are where they are small enough. */
const SERVED_AS_IS: Readonly<Partial<Record<ImageFormat, string>>> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  gif: 'image/gif',
  webp: 'image/webp',
}

const LOADERS = ['Jpeg', 'Png', 'Nsgif', 'Webp', 'Heif']

type SharpModule = typeof import('sharp').default

/**
 * Loads libvips when the first thumbnail is made: it costs memory that most nodes' first hours do not need. Nothing that
 * it can read is read, but for the five formats.
 */
async function loadSharp(): Promise<SharpModule> {
  const { default: sharp } = await import('sharp')
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: LOADERS.map((name) => `VipsForeignLoad${name}`) })
  sharp.concurrency(1)
  sharp.cache({ memory: 20, files: 0, items: 20 })
  return sharp
}

/**
 * Makes and keeps thumbnails of images (Client-Server API, "Thumbnails"): `thumbnails/ab/<hash>/<size>`. Before anything is
 * decoded, format and dimensions are read from the header and checked.
 */
export class Thumbnailer {
  readonly #directory: string
  readonly #files: MediaFiles
  readonly #limits: ThumbnailLimits
  readonly #work = new ConcurrencyLimit(WORK)
  readonly #running = new Map<string, Promise<Thumbnail>>()
  #sharp: Promise<SharpModule> | undefined

  constructor(directory: string, files: MediaFiles, limits: ThumbnailLimits = THUMBNAIL_LIMITS) {
    this.#directory = join(directory, 'thumbnails')
    this.#files = files
    this.#limits = limits
  }

  /** Throws `MediaError`: `too-large` by its header, `no-thumbnail` for what is no image. */
  async thumbnail(record: MediaRecord, request: ThumbnailRequest): Promise<Thumbnail> {
    const name = `${request.width}x${request.height}-${request.method}${request.animated ? '-animated' : ''}`
    const key = `${record.hash} ${name}`
    const running = this.#running.get(key)
    if (running !== undefined) return running
    const made = this.#find(record.hash, name)
      .then((kept) => kept ?? this.#work.run(() => this.#make(record, request, name)))
      .finally(() => this.#running.delete(key))
    this.#running.set(key, made)
    return made
  }

  /** The image is gone. */
  async forget(hash: string): Promise<void> {
    await rm(this.#folderOf(hash), { recursive: true, force: true })
  }

  async #find(hash: string, name: string): Promise<Thumbnail | undefined> {
    for (const contentType of ['image/jpeg', 'image/png', 'image/webp']) {
      const path = join(this.#folderOf(hash), `${name}.${contentType.slice('image/'.length)}`)
      try {
        return { path, size: (await stat(path)).size, contentType }
      } catch (error) {
        if (!isMissing(error)) throw error
      }
    }
    return undefined
  }

  async #make(record: MediaRecord, request: ThumbnailRequest, name: string): Promise<Thumbnail> {
    if (record.size > this.#limits.maxBytes) throw tooLarge()
    const source = this.#files.pathOf(record.hash)
    const format = await imageFormatOf(source)
    if (!format) throw noThumbnail()
    this.#sharp ??= loadSharp()
    const sharp = await this.#sharp
    const header = await readHeader(sharp, source)
    const pixels = header.width * (header.pageHeight ?? header.height)
    const frames = header.pages ?? 1
    if (pixels > this.#limits.maxPixels) throw tooLarge()
    // An animation that is too much as a whole is served as its first frame.
    const animated = request.animated && frames > 1 && pixels * frames <= this.#limits.maxPixels
    const asIs = SERVED_AS_IS[format]
    const small = header.width <= request.width && (header.pageHeight ?? header.height) <= request.height
    // A PNG may be animated without sharp's knowing, so it is always written anew.
    if (asIs && small && format !== 'png' && (frames === 1 || animated)) {
      return { path: source, size: record.size, contentType: asIs }
    }
    const open = (path: string, all: boolean) =>
      sharp(path, { animated: all, limitInputPixels: this.#limits.maxPixels, failOn: 'truncated' })
    const output = encode(resize(open(source, animated), header, request), header, animated)
    return this.#keep(record.hash, name, output)
  }

  async #keep(
    hash: string,
    name: string,
    output: { readonly image: Sharp; readonly type: string },
  ): Promise<Thumbnail> {
    const bytes = await output.image.toBuffer().catch((error: unknown) => {
      throw new MediaError('no-thumbnail', 'Cannot generate thumbnails for the requested content', { cause: error })
    })
    const folder = this.#folderOf(hash)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    if ((await readdir(folder)).length >= MAX_SIZES_PER_IMAGE) {
      await this.forget(hash)
      await mkdir(folder, { recursive: true, mode: 0o700 })
    }
    const path = join(folder, `${name}.${output.type}`)
    const unfinished = join(folder, randomUUID())
    await writeFile(unfinished, bytes, { mode: 0o600 })
    await rename(unfinished, path)
    return { path, size: bytes.length, contentType: `image/${output.type}` }
  }

  #folderOf(hash: string): string {
    return join(this.#directory, hash.slice(0, 2), hash)
  }
}

type Header = Metadata & { readonly width: number; readonly height: number }

/** Reads no more than the header. */
async function readHeader(sharp: SharpModule, path: string): Promise<Header> {
  try {
    const header = await sharp(path, { limitInputPixels: false }).metadata()
    if (header.width && header.height) return header as Header
  } catch (error) {
    throw new MediaError('no-thumbnail', 'Cannot generate thumbnails for the requested content', { cause: error })
  }
  throw noThumbnail()
}

/** Never enlarges. `crop` fills the asked-for shape, `scale` fits into it. Turned as the camera was held. */
function resize(image: Sharp, header: Header, request: ThumbnailRequest): Sharp {
  const sideways = (header.orientation ?? 1) >= 5
  const [width, height] = sideways ? [header.height, header.width] : [header.width, header.pageHeight ?? header.height]
  return image
    .timeout({ seconds: DECODE_TIMEOUT_S })
    .autoOrient()
    .resize({
      width: Math.min(request.width, width),
      height: Math.min(request.height, height),
      fit: request.method === 'crop' ? 'cover' : 'inside',
      withoutEnlargement: true,
    })
}

/** No metadata of the original is kept: photos carry places. */
function encode(image: Sharp, header: Header, animated: boolean): { readonly image: Sharp; readonly type: string } {
  if (animated) return { image: image.webp({ quality: 80 }), type: 'webp' }
  if (header.hasAlpha) return { image: image.png(), type: 'png' }
  return { image: image.jpeg({ quality: 85, mozjpeg: true }), type: 'jpeg' }
}

function tooLarge(): MediaError {
  return new MediaError('too-large', 'Content is too large to thumbnail')
}

function noThumbnail(): MediaError {
  return new MediaError('no-thumbnail', 'Cannot generate thumbnails for the requested content')
}
