import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { crc32, deflateSync } from 'node:zlib'
import type { OwnerClient } from '@starling/testkit'
import { twoNodes } from './two-nodes.ts'

/** Twice as wide as high, and larger than every size of the spec's list. */
const [WIDTH, HEIGHT] = [1_000, 500]
/** Client-Server API, "Thumbnails": sizes that a server should have. */
const SIZES = [
  [32, 32, 'crop'],
  [96, 96, 'crop'],
  [320, 240, 'scale'],
  [640, 480, 'scale'],
  [800, 600, 'scale'],
] as const

suite('between two nodes: media and thumbnails', () => {
  const nodes = twoNodes()

  test('a file of the other node comes byte by byte, with its type and name, to who is logged in', async () => {
    const { ada, bob, via: server } = nodes()
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251))
    const mediaId = await upload(ada, bytes, 'application/pdf', 'ein Plan für "morgen".pdf')
    const path = `download/${server}/${mediaId}`
    for (const client of [ada, bob.client]) {
      const answer = await get(client, path)
      assert.deepEqual(
        [answer.status, answer.headers.get('content-type'), answer.headers.get('content-length')],
        [200, 'application/pdf', '300000'],
      )
      const disposition = answer.headers.get('content-disposition') ?? ''
      assert.ok(disposition.includes(`filename*=utf-8''ein%20Plan%20f%C3%BCr%20%22morgen%22.pdf`), disposition)
      assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes))
      const named = await get(client, `${path}/other.pdf`)
      assert.match(named.headers.get('content-disposition') ?? '', /filename="?other\.pdf"?/)
      await named.body?.cancel()
    }
    const part = await get(bob.client, path, { range: 'bytes=10-19' })
    assert.deepEqual([part.status, Buffer.from(await part.arrayBuffer())], [206, bytes.subarray(10, 20)])
    for (const [token, errcode] of [
      ['', 'M_MISSING_TOKEN'],
      ['wrong', 'M_UNKNOWN_TOKEN'],
    ] as const) {
      const refused = await get(bob.client, path, {}, token)
      assert.deepEqual([refused.status, await errcodeOf(refused)], [401, errcode])
    }
  })

  test('what a browser would run comes as an attachment from the other node too', async () => {
    const { ada, bob, via: server } = nodes()
    const mediaId = await upload(ada, Buffer.from('<script>alert(1)</script>'), 'text/html', 'page.html')
    for (const client of [ada, bob.client]) {
      const answer = await get(client, `download/${server}/${mediaId}`)
      assert.match(answer.headers.get('content-disposition') ?? '', /^attachment/)
      assert.match(answer.headers.get('content-security-policy') ?? '', /sandbox/)
      await answer.body?.cancel()
    }
  })

  test('thumbnails of the other node’s image have the sizes asked for, as its own node makes them', async () => {
    const { ada, bob, via: server } = nodes()
    const image = await upload(ada, picture(), 'image/png', 'picture.png')
    for (const [width, height, method] of SIZES) {
      const sizes: number[][] = []
      for (const client of [ada, bob.client]) {
        const query = `width=${width}&height=${height}&method=${method}`
        const answer = await get(client, `thumbnail/${server}/${image}?${query}`)
        assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/png'])
        assert.match(answer.headers.get('content-disposition') ?? '', /^inline/)
        sizes.push(sizeOf(Buffer.from(await answer.arrayBuffer())))
      }
      const expected = method === 'crop' ? [width, height] : [width, width / 2]
      assert.deepEqual(sizes, [expected, expected])
    }
    const wrong = await get(bob.client, `thumbnail/${server}/${image}?width=0&height=10`)
    assert.deepEqual([wrong.status, await errcodeOf(wrong)], [400, 'M_INVALID_PARAM'])
  })

  test('an avatar is seen at the other node: by profile, and by its thumbnail', async () => {
    const { ada, adaId, bob, via: server } = nodes()
    const mediaId = await upload(ada, picture(), 'image/png', 'me.png')
    const uri = `mxc://${server}/${mediaId}`
    const profile = `profile/${encodeURIComponent(adaId)}/avatar_url`
    await ada.ok('PUT', profile, { avatar_url: uri })
    const seen = await get(bob.client, `thumbnail/${uri.slice('mxc://'.length)}?width=96&height=96&method=crop`)
    assert.deepEqual(sizeOf(Buffer.from(await seen.arrayBuffer())), [96, 96])
  })

  test('what is not there is 404, what is no image has no thumbnail, who is not met is not found', async () => {
    const { ada, bob, via: server } = nodes()
    const text = await upload(ada, Buffer.from('plain words'), 'text/plain', 'words.txt')
    const empty = await ada.ok('POST', '/_matrix/media/v1/create', {})
    const promised = String(empty.content_uri).split('/').at(-1)
    const size = 'width=96&height=96'
    for (const [path, status, errcode] of [
      [`download/${server}/unknown`, 404, 'M_NOT_FOUND'],
      [`thumbnail/${server}/unknown?${size}`, 404, 'M_NOT_FOUND'],
      [`thumbnail/${server}/${text}?${size}`, 400, 'M_UNKNOWN'],
      [`download/nobody.invalid/${text}`, 404, 'M_NOT_FOUND'],
      [`download/${server}/${promised}?timeout_ms=100`, 404, 'M_NOT_FOUND'],
    ] as const) {
      const answer = await get(bob.client, path)
      assert.deepEqual([answer.status, await errcodeOf(answer)], [status, errcode], path)
    }
  })

  test('the legacy routes give nothing of the other node without a token', async () => {
    const { ada, other, via: server } = nodes()
    const mediaId = await upload(ada, Buffer.from('for members'), 'text/plain', 'note.txt')
    const path = `/_matrix/media/v3/download/${server}/${mediaId}`
    const anybody = await fetch(`${other.info.client_api}${path}`)
    assert.deepEqual([anybody.status, await errcodeOf(anybody)], [404, 'M_NOT_FOUND'])
  })
})

async function upload(client: OwnerClient, bytes: Uint8Array, type: string, name: string): Promise<string> {
  const { baseUrl, accessToken } = client.session
  const response = await fetch(`${baseUrl}/_matrix/media/v3/upload?filename=${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': type },
    body: new Uint8Array(bytes),
  })
  assert.equal(response.status, 200)
  const { content_uri: uri } = (await response.json()) as { readonly content_uri: string }
  return uri.slice(uri.lastIndexOf('/') + 1)
}

function get(
  client: OwnerClient,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  token = client.session.accessToken,
): Promise<Response> {
  return fetch(`${client.session.baseUrl}/_matrix/client/v1/media/${path}`, {
    headers: { ...headers, ...(token !== '' && { authorization: `Bearer ${token}` }) },
  })
}

async function errcodeOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { readonly errcode?: string }).errcode
}

/** A PNG of 8-bit greys, in stripes that can be seen through, so that its thumbnails are PNGs too. */
function picture(): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(WIDTH, 0)
  header.writeUInt32BE(HEIGHT, 4)
  header[8] = 8
  header[9] = 4
  const row = Buffer.from([0, ...Array.from({ length: 2 * WIDTH }, (_, at) => at % 251)])
  const pixels = deflateSync(Buffer.concat(Array.from({ length: HEIGHT }, () => row)))
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  checksum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, checksum])
}

/** Width and height by a PNG's header. */
function sizeOf(png: Buffer): number[] {
  assert.equal(png.toString('latin1', 1, 4), 'PNG')
  return [png.readUInt32BE(16), png.readUInt32BE(20)]
}
