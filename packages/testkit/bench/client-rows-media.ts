import { randomBytes } from 'node:crypto'
import { type IncomingMessage, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { endChild, keepAlive, percentile, startScript, timed } from './measure.ts'
import type { Row } from './table.ts'

const MEBIBYTE = 1024 * 1024
const SIZES: readonly { readonly megabytes: number; readonly rounds: number }[] = [
  { megabytes: 1, rounds: 40 },
  { megabytes: 50, rounds: 4 },
]

interface Target {
  upload(bytes: Buffer): Promise<string>
  /** @returns how many bytes came. */
  download(name: string): Promise<number>
}

/** Files up and down, in turns with an express handler that only streams. Each upload's bytes are new, so that none is known already. */
export async function mediaRows(baseUrl: string, token: string): Promise<Row[]> {
  const { child, hello } = await startScript(fileURLToPath(import.meta.resolve('./client-rows-floor.ts')))
  try {
    const headers = { authorization: `Bearer ${token}` }
    const media = `${baseUrl}/_matrix`
    const node = target(`${media}/media/v3/upload`, `${media}/client/v1/media/download/`, headers)
    const floor = target(`${hello.url}/upload`, `${hello.url}/download/`, {})
    const rows: Row[] = []
    for (const { megabytes, rounds } of SIZES) rows.push(...(await rowsOf(node, floor, megabytes, rounds)))
    return rows
  } finally {
    await endChild(child)
  }
}

async function rowsOf(node: Target, floor: Target, megabytes: number, rounds: number): Promise<Row[]> {
  const up = { node: [] as number[], floor: [] as number[] }
  const down = { node: [] as number[], floor: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const [who, one] of Object.entries({ node, floor }) as ['node' | 'floor', Target][]) {
      const bytes = randomBytes(megabytes * MEBIBYTE)
      let name = ''
      up[who].push(await timed(async () => (name = await one.upload(bytes))))
      let came = 0
      down[who].push(await timed(async () => (came = await one.download(name))))
      if (came !== bytes.length) throw new Error(`${came} bytes of ${bytes.length} came back`)
    }
  }
  const speed = (times: readonly number[]) => (megabytes * MEBIBYTE) / 1e3 / percentile(times, 0.5)
  const row = (what: string, times: typeof up): Row => ({
    ...{ what: `${what} ${megabytes} MiB, p50`, unit: 'MB/s' },
    ...{ node: speed(times.node), floor: speed(times.floor) },
  })
  return [row('media up,', up), row('media down,', down)]
}

function target(uploadUrl: string, downloadUrl: string, headers: Readonly<Record<string, string>>): Target {
  return {
    async upload(bytes) {
      const about = { 'content-type': 'application/octet-stream', 'content-length': bytes.length }
      const chunks: Buffer[] = []
      for await (const chunk of await answer('POST', uploadUrl, { ...headers, ...about }, bytes)) chunks.push(chunk)
      const { content_uri: uri } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { content_uri: string }
      return uri.replace('mxc://', '')
    },
    async download(name) {
      let came = 0
      for await (const chunk of await answer('GET', downloadUrl + name, headers)) came += chunk.length
      return came
    },
  }
}

function answer(
  method: string,
  url: string,
  headers: Readonly<Record<string, string | number>>,
  body?: Buffer,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: keepAlive }, (incoming) => {
      if (incoming.statusCode === 200) resolve(incoming)
      else reject(new Error(`${method} ${url} answered ${incoming.statusCode}`))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
