import express, { type Express, type RequestHandler } from 'express'
import { elementConfig } from './element-config.ts'
import type { ElementState } from './element-state.ts'
import { fallbackPage } from './fallback-page.ts'

export interface ElementAppOptions {
  state(): ElementState
  readonly serverName: string
  /** Base URL of the client API as a browser that came by this `Host` reaches it. */
  clientApiFor(host: string | undefined): string
  /** Host names (no port) to which this listener answers; undefined = any. */
  readonly allowedHosts: readonly string[] | undefined
}

/** Files whose content changes under the same name; the rest carry a hash in their names. */
const NEVER_CACHED = /^\/($|index\.html$|config(\.[^/]+)?\.json$|version$|sw\.js$|i18n\/languages\.json$)/

/** Element Web as an express app: its files, this node's `config.json`, or the fallback page while there are no files. */
export function createElementApp(options: ElementAppOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.use(checkHost(options.allowedHosts))
  app.use(securityHeaders)
  app.get(/^\/config(\.[^/]+)?\.json$/, (request, response) => {
    const clientApi = options.clientApiFor(request.headers.host)
    response.json(elementConfig({ clientApi, serverName: options.serverName }))
  })
  app.use(files(options))
  app.use((_request, response) => {
    response.status(404).type('text/plain').send('There is no such file here.')
  })
  return app
}

function files(options: ElementAppOptions): RequestHandler {
  let serving: { readonly directory: string; readonly handler: RequestHandler } | undefined
  return (request, response, next) => {
    const state = options.state()
    if (state.kind !== 'ready') {
      if (request.path !== '/' && request.path !== '/index.html') return next()
      response
        .status(200)
        .type('html')
        .send(fallbackPage(state, options.clientApiFor(request.headers.host)))
      return
    }
    if (serving?.directory !== state.directory) {
      serving = { directory: state.directory, handler: express.static(state.directory, { cacheControl: false }) }
    }
    return serving.handler(request, response, next)
  }
}

function checkHost(allowed: readonly string[] | undefined): RequestHandler {
  return (request, response, next) => {
    const name = request.headers.host?.toLowerCase().replace(/:\d*$/, '')
    if (allowed === undefined || (name !== undefined && allowed.includes(name))) return next()
    response.status(403).type('text/plain').send('This server does not answer to that host name.')
  }
}

const securityHeaders: RequestHandler = (request, response, next) => {
  response.set('X-Content-Type-Options', 'nosniff')
  response.set('X-Frame-Options', 'SAMEORIGIN')
  response.set('Content-Security-Policy', "frame-ancestors 'self'")
  response.set('Referrer-Policy', 'no-referrer')
  response.set('Cache-Control', NEVER_CACHED.test(request.path) ? 'no-cache' : 'public, max-age=86400')
  next()
}
