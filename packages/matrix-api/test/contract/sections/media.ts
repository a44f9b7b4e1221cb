import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import sharp from 'sharp'
import { type Operation, operation, type Section, type Steps } from '../operation.ts'

const V3 = '/_matrix/media/v3'
const V1 = '/_matrix/client/v1/media'
const TEXT = 'a small file'

async function uploaded({ other, bob }: Pick<Steps, 'other' | 'bob'>, raw: string | Uint8Array, type: string) {
  const { content_uri } = await other('uploadContent', { as: bob, raw, headers: { 'content-type': type } })
  const [serverName = '', mediaId = ''] = (content_uri as string).slice('mxc://'.length).split('/')
  return { serverName, mediaId }
}

/** A picture to make thumbnails of. */
const png = () =>
  sharp({ create: { width: 200, height: 120, channels: 3, background: 'red' } })
    .png()
    .toBuffer()

/** The authenticated routes, and the legacy ones, which answer with and without a token as docs/decisions/0003 has it. */
const ROUTES = [
  { suffix: 'Authed', base: V1 },
  { suffix: '', base: V3 },
] as const

const DOWNLOADS: readonly Operation[] = ROUTES.flatMap(({ suffix, base }) => [
  operation(`getContent${suffix}`, `GET ${base}/download/{serverName}/{mediaId}`, async (steps) => {
    const path = await uploaded(steps, TEXT, 'text/plain')
    await steps.raw({ as: steps.bob, path })
    await steps.fails(404, 'M_NOT_FOUND', { as: steps.bob, path: { ...path, mediaId: 'none' } })
  }),
  operation(
    `getContentOverrideName${suffix}`,
    `GET ${base}/download/{serverName}/{mediaId}/{fileName}`,
    async (steps) => {
      const path = { ...(await uploaded(steps, TEXT, 'text/plain')), fileName: 'Letter to Ä.txt' }
      await steps.raw({ as: steps.bob, path })
      await steps.fails(404, 'M_NOT_FOUND', { as: steps.bob, path: { ...path, mediaId: 'none' } })
    },
  ),
  operation(`getContentThumbnail${suffix}`, `GET ${base}/thumbnail/{serverName}/{mediaId}`, async (steps) => {
    const path = await uploaded(steps, await png(), 'image/png')
    const query = { width: '64', height: '64', method: 'crop', animated: 'false' }
    await steps.raw({ as: steps.bob, path, query })
    await steps.fails(400, 'M_MISSING_PARAM', { as: steps.bob, path, query: { width: '64' } })
    await steps.fails(404, 'M_NOT_FOUND', { as: steps.bob, path: { ...path, mediaId: 'none' }, query })
  }),
  operation(`getConfig${suffix}`, `GET ${base}/config`, ({ ok, bob }) => ok({ as: bob })),
])

const PREVIEWS: readonly Operation[] = ROUTES.map(({ suffix, base }) =>
  operation(
    `getUrlPreview${suffix}`,
    `GET ${base}/preview_url`,
    async ({ ok, fails, bob }) => {
      const site = createServer((_, response) => {
        response.setHeader('content-type', 'text/html').end('<title>Pangolins</title>')
      })
      await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
      const { port } = site.address() as AddressInfo
      try {
        await ok({ as: bob, query: { url: `http://site.example:${port}/${suffix}` } })
      } finally {
        await new Promise((resolve) => site.close(resolve))
      }
      await fails(400, 'M_MISSING_PARAM', { as: bob })
      await fails(403, 'M_FORBIDDEN', { as: bob, query: { url: `http://lan.example:${port}/` } })
    },
    'only with `--url-previews`; else 403',
  ),
)

export const MEDIA: Section = {
  title: 'Content repository',
  operations: [
    operation('uploadContent', `POST ${V3}/upload`, async ({ ok, fails, bob }) => {
      await ok({ as: bob, query: { filename: 'note.txt' }, raw: TEXT, headers: { 'content-type': 'text/plain' } })
      await fails(413, 'M_TOO_LARGE', { as: bob, raw: 'x'.repeat(2 * 1024 * 1024) })
    }),
    operation('createContent', 'POST /_matrix/media/v1/create', ({ ok, bob }) => ok({ as: bob })),
    operation(
      'uploadContentToMXC',
      `PUT ${V3}/upload/{serverName}/{mediaId}`,
      async ({ ok, fails, other, alice, bob }) => {
        const { content_uri } = await other('createContent', { as: bob })
        const [serverName = '', mediaId = ''] = content_uri.slice('mxc://'.length).split('/')
        const request = { path: { serverName, mediaId }, raw: TEXT, headers: { 'content-type': 'text/plain' } }
        await fails(403, 'M_FORBIDDEN', { ...request, as: alice })
        await ok({ ...request, as: bob })
        await fails(409, 'M_CANNOT_OVERWRITE_MEDIA', { ...request, as: bob })
        await fails(404, 'M_NOT_FOUND', { ...request, as: bob, path: { serverName, mediaId: 'none' } })
      },
    ),
    ...DOWNLOADS,
    ...PREVIEWS,
  ],
}
