import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { startTestApi, type TestApi, type TestUser } from '../testing/test-api.ts'
import { Media } from './media.ts'
import { mediaEndpoints } from './media-endpoints.ts'
import { THUMBNAIL_LIMITS, type ThumbnailLimits } from './thumbnailer.ts'

interface Gallery extends AsyncDisposable {
  readonly api: TestApi
  readonly alice: TestUser
  upload(content: Uint8Array, contentType: string): Promise<string>
  thumbnail(
    mxc: string,
    query: Record<string, string | number | boolean>,
  ): Promise<{ response: Response; bytes: Buffer }>
}

async function startGallery(thumbnailLimits: ThumbnailLimits = THUMBNAIL_LIMITS): Promise<Gallery> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-thumbnails-'))
  const api = await startTestApi(async (base) => {
    const media = new Media({ ...base, directory, thumbnailLimits, remote: { media: async () => undefined } })
    await media.start()
    return mediaEndpoints({ media, previews: undefined })
  })
  const alice = await api.user('alice')
  return {
    api,
    alice,
    async upload(content, contentType) {
      const headers = { 'content-type': contentType }
      const answer = await api.request('POST', '/_matrix/media/v3/upload', { as: alice, body: content, headers })
      assert.equal(answer.status, 200)
      return String(answer.body.content_uri).slice('mxc://'.length)
    },
    async thumbnail(mxc, query) {
      const search = new URLSearchParams(
        Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
      )
      const response = await fetch(`${api.url}/_matrix/client/v1/media/thumbnail/${mxc}?${search}`, {
        headers: { authorization: `Bearer ${alice.token}` },
      })
      return { response, bytes: Buffer.from(await response.arrayBuffer()) }
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

type Colours = { readonly channels: 3 | 4; readonly background: string }

function picture(
  width: number,
  height: number,
  { channels, background }: Colours = { channels: 3, background: 'red' },
) {
  return sharp({ create: { width, height, channels, background } })
}

/** Two frames, one above the other, as an animated GIF. */
function animation(width: number, height: number): Promise<Buffer> {
  const frames = Buffer.alloc(width * height * 2 * 3, 255)
  frames.fill(0, 0, width * height * 3)
  return sharp(frames, { raw: { width, height: height * 2, channels: 3, pageHeight: height } })
    .gif()
    .toBuffer()
}

test('crop fills the asked-for shape, scale fits into it, and neither enlarges', async () => {
  await using here = await startGallery()
  const mxc = await here.upload(await picture(1_000, 500).jpeg().toBuffer(), 'image/jpeg')
  for (const [query, width, height] of [
    [{ width: 96, height: 96, method: 'crop' }, 96, 96],
    [{ width: 320, height: 240, method: 'scale' }, 320, 160],
    [{ width: 800, height: 600 }, 800, 400],
    [{ width: 2_000, height: 100, method: 'crop' }, 1_000, 100],
    [{ width: 3_000, height: 3_000, method: 'scale' }, 1_000, 500],
  ] as const) {
    for (let round = 0; round < 2; round++) {
      const { response, bytes } = await here.thumbnail(mxc, query)
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('content-type'), 'image/jpeg')
      assert.match(response.headers.get('content-disposition') ?? '', /^inline; filename="thumbnail\.jpeg"$/)
      const made = await sharp(bytes).metadata()
      assert.deepEqual([made.width, made.height], [width, height])
    }
  }
})

test('transparency is kept, places in photos are not', async () => {
  await using here = await startGallery()
  const clear = picture(200, 200, { channels: 4, background: '#ff000080' })
  const png = await here.upload(await clear.png().toBuffer(), 'image/png')
  const { response, bytes } = await here.thumbnail(png, { width: 50, height: 50 })
  assert.equal(response.headers.get('content-type'), 'image/png')
  assert.equal((await sharp(bytes).metadata()).hasAlpha, true)

  const photo = await picture(400, 200)
    .withExif({ IFD3: { GPSLatitude: '52/1 31/1 0/1' } })
    .jpeg()
    .toBuffer()
  assert.ok((await sharp(photo).metadata()).exif)
  const made = await here.thumbnail(await here.upload(photo, 'image/jpeg'), { width: 100, height: 100 })
  assert.equal((await sharp(made.bytes).metadata()).exif, undefined)
})

test('an animation moves only where that was asked for', async () => {
  await using here = await startGallery()
  const mxc = await here.upload(await animation(200, 100), 'image/gif')
  const frames = async (query: Record<string, string | number | boolean>) => {
    const { response, bytes } = await here.thumbnail(mxc, query)
    assert.equal(response.status, 200)
    return (await sharp(bytes, { animated: true }).metadata()).pages ?? 1
  }
  assert.equal(await frames({ width: 50, height: 50, animated: true }), 2)
  assert.equal(await frames({ width: 50, height: 50, animated: false }), 1)
  assert.equal(await frames({ width: 50, height: 50 }), 1)
  assert.equal(await frames({ width: 500, height: 500 }), 1, 'also where the original is small enough')
  assert.equal(await frames({ width: 500, height: 500, animated: true }), 2)
})

test('what is no picture, and sides that are none, are 400', async () => {
  await using here = await startGallery()
  const text = await here.upload(Buffer.from('just text'), 'image/png')
  const { response, bytes } = await here.thumbnail(text, { width: 10, height: 10 })
  assert.equal(response.status, 400)
  assert.equal(JSON.parse(bytes.toString()).errcode, 'M_UNKNOWN')
  const mxc = await here.upload(await picture(100, 100).png().toBuffer(), 'image/png')
  for (const query of [
    {},
    { width: 10 },
    { width: -1, height: 10 },
    { width: 1.5, height: 10 },
    { width: 0, height: 10 },
    { width: 10, height: 10, method: 'stretch' },
  ] as Record<string, string | number>[]) {
    assert.equal((await here.thumbnail(mxc, query)).response.status, 400, JSON.stringify(query))
  }
  assert.equal((await here.thumbnail('here.test/unknown', { width: 1, height: 1 })).response.status, 404)
})

/** A PNG of a few bytes whose header promises any number of pixels. */
async function pixelBomb(side: number): Promise<Buffer> {
  const png = await picture(1, 1).png().toBuffer()
  const header = Buffer.from(png)
  header.writeUInt32BE(side, 16)
  header.writeUInt32BE(side, 20)
  const { crc32 } = await import('node:zlib')
  header.writeUInt32BE(crc32(header.subarray(12, 29)), 29)
  return header
}

test('bad input 84: a pixel bomb is refused by its header, without decoding', async () => {
  await using here = await startGallery()
  const mxc = await here.upload(await pixelBomb(30_000), 'image/png')
  const { response, bytes } = await here.thumbnail(mxc, { width: 32, height: 32, method: 'crop' })
  assert.equal(response.status, 413)
  assert.equal(JSON.parse(bytes.toString()).errcode, 'M_TOO_LARGE')
  // The twin: where the header is believed to be harmless, the decoder is let loose on the same kind of file.
  await using careless = await startGallery({ ...THUMBNAIL_LIMITS, maxPixels: Number.MAX_SAFE_INTEGER })
  const same = await careless.upload(await pixelBomb(2_000), 'image/png')
  const decoded = await careless.thumbnail(same, { width: 32, height: 32, method: 'crop' })
  assert.equal(decoded.response.status, 400, 'found out only by decoding')
})

/** A PNG with a chunk that holds something folded. */
async function zipBomb(type: string, prefix: string, folded: Buffer): Promise<Buffer> {
  const { crc32 } = await import('node:zlib')
  const plain = await picture(100, 80).png().toBuffer()
  const data = Buffer.concat([Buffer.from(type + prefix, 'latin1'), folded])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length - 4)
  checksum.writeUInt32BE(crc32(data))
  // After the signature and the header chunk.
  return Buffer.concat([plain.subarray(0, 33), length, data, checksum, plain.subarray(33)])
}

test('bad input 84: a zip bomb inside a picture is not unfolded; unfolded by itself it is all there', async () => {
  const { createDeflate, inflateSync } = await import('node:zlib')
  const { Readable } = await import('node:stream')
  const [size, piece] = [128 * 1024 * 1024, Buffer.alloc(1024 * 1024)]
  // Piece by piece, so that the making of it takes no memory that would hide what reading it takes.
  const pieces = Readable.from(Array.from({ length: size / piece.length }, () => piece))
  const folded = Buffer.concat(await pieces.pipe(createDeflate({ level: 1 })).toArray())
  await using here = await startGallery()
  const honest = await here.upload(await picture(100, 80).png().toBuffer(), 'image/png')
  assert.equal((await here.thumbnail(honest, { width: 32, height: 32, method: 'crop' })).response.status, 200)
  const peakKb = process.resourceUsage().maxRSS
  for (const [type, prefix] of [
    ['iCCP', 'profile\0\0'],
    ['zTXt', 'Comment\0\0'],
    ['iTXt', 'Comment\0\x01\0\0\0'],
  ] as const) {
    const mxc = await here.upload(await zipBomb(type, prefix, folded), 'image/png')
    const { response } = await here.thumbnail(mxc, { width: 32, height: 32, method: 'crop' })
    assert.ok([200, 400].includes(response.status), `${type}: ${response.status}`)
  }
  const grownKb = process.resourceUsage().maxRSS - peakKb
  assert.ok(grownKb * 1024 < size / 2, `${grownKb} KB`)
  assert.equal(inflateSync(folded).length, size)
})

test('bad input 84: polyglots and formats that can do more than hold pixels are not decoded', async () => {
  await using here = await startGallery()
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><rect width="100" height="100"/></svg>'
  for (const [what, content] of [
    ['SVG called PNG', Buffer.from(svg)],
    ['PDF', Buffer.from('%PDF-1.7\n')],
    [
      'TIFF',
      await picture(10, 10)
        .png()
        .toBuffer()
        .then((png) => Buffer.concat([Buffer.from('II*\0'), png])),
    ],
    ['PNG signature before an SVG', Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.from(svg)])],
  ] as const) {
    const mxc = await here.upload(content, 'image/png')
    assert.equal((await here.thumbnail(mxc, { width: 10, height: 10 })).response.status, 400, what)
  }
})
