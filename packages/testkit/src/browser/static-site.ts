import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A file by its path (`/page.js`) and what it holds. */
export interface SiteFile {
  readonly type: string
  readonly body: string | Uint8Array
}

/** Web pages on an origin of their own: a port of 127.0.0.1 that is no node's. Everything else on it is 404. */
export class StaticSite implements AsyncDisposable {
  /** `http://127.0.0.1:12345`. */
  readonly origin: string
  readonly #close: () => Promise<void>

  private constructor(origin: string, close: () => Promise<void>) {
    this.origin = origin
    this.#close = close
  }

  static async start(files: Readonly<Record<string, SiteFile>>): Promise<StaticSite> {
    const server = createServer((request, response) => {
      const path = request.url?.split('?')[0] ?? ''
      const file = Object.hasOwn(files, path) ? files[path] : undefined
      if (file) response.writeHead(200, { 'content-type': file.type }).end(file.body)
      else response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    return new StaticSite(`http://127.0.0.1:${port}`, async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }
}

/** A page that is nothing but its markup. */
export function htmlPage(body: string): SiteFile {
  return { type: 'text/html; charset=utf-8', body: `<!doctype html><meta charset="utf-8">${body}` }
}
