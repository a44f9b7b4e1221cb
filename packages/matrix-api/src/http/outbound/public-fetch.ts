import { type IncomingHttpHeaders, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { OutboundError } from './outbound-error.ts'
import { pinnedLookup, publicAddressesOf, type Resolve, resolveBySystem } from './pinned-addresses.ts'

export interface PublicFetchDeps {
  /** Default: as the operating system resolves. */
  readonly resolve?: Resolve
  /** Default: `isPublicAddress`. Another one only in tests, to show what it keeps out. */
  readonly isPublic?: (address: string) => boolean
  /** Addresses that the node's owner has named themselves: they may lie on the own network. Asked for each hop. */
  readonly isAllowed?: (url: URL) => boolean
}

export interface PublicRequest {
  readonly url: string
  /** Default GET. */
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** For everything together: resolving, redirects, answer. In milliseconds. */
  readonly timeoutMs: number
  /** Of the answer's body, after decompression. */
  readonly maxBytes: number
  /** What happens to a longer one. Default `fail` (`too-large`). */
  readonly overflow?: 'fail' | 'cut'
  /** Followed at most; each is checked as the first address was. Default 0: a redirect is an answer like others. */
  readonly maxRedirects?: number
  readonly signal?: AbortSignal
}

export interface PublicAnswer {
  readonly status: number
  /** Where it came from in the end. */
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
  /** There was more than `maxBytes` (with `overflow: 'cut'`). */
  readonly cut: boolean
}

const MAX_URL_LENGTH = 8_192
const MAX_HEADER_BYTES = 16 * 1024

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/**
 * A request to the public Internet on behalf of somebody who must not reach what this machine can reach: only http(s), only
 * to public addresses, connected to exactly what was checked, redirects checked again, bounded in size (decompressed) and
 * time. Throws `OutboundError`; an HTTP error status is an answer.
 */
export async function fetchPublicUrl(request: PublicRequest, deps: PublicFetchDeps = {}): Promise<PublicAnswer> {
  const timeout = AbortSignal.timeout(request.timeoutMs)
  const signal = request.signal ? AbortSignal.any([timeout, request.signal]) : timeout
  try {
    return await follow(request, deps, signal)
  } catch (error) {
    if (error instanceof OutboundError) throw error
    if (timeout.aborted) throw new OutboundError('timeout', 'No whole answer in time', { cause: error })
    throw new OutboundError('unreachable', 'The server could not be asked', { cause: error })
  }
}

async function follow(request: PublicRequest, deps: PublicFetchDeps, signal: AbortSignal): Promise<PublicAnswer> {
  let url = checkedUrl(request.url)
  for (let left = request.maxRedirects ?? 0; ; left--) {
    const answer = await ask(url, request, deps, signal)
    const target = redirectOf(answer, url)
    if (target === undefined || request.maxRedirects === undefined) return read(answer, url, request, signal)
    answer.destroy()
    if (left === 0) throw new OutboundError('too-many-redirects', 'Too many redirects')
    url = target
  }
}

function checkedUrl(text: string, base?: URL): URL {
  const url = text.length <= MAX_URL_LENGTH && URL.canParse(text, base?.href) ? new URL(text, base?.href) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url
  throw new OutboundError('bad-url', 'Not an http or https address')
}

/** Never from https back to http: what was asked in private stays so. */
function redirectOf({ statusCode = 0, headers }: IncomingMessage, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return undefined
  const url = checkedUrl(headers.location, from)
  if (from.protocol === 'https:' && url.protocol === 'http:') throw new OutboundError('bad-url', 'Redirected to http')
  return url
}

async function ask(
  url: URL,
  { method = 'GET', headers, body }: PublicRequest,
  deps: PublicFetchDeps,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { resolve = resolveBySystem, isPublic, isAllowed } = deps
  const pinned = isAllowed?.(url) ? undefined : await orAborted(publicAddressesOf(url, resolve, isPublic), signal)
  const options: RequestOptions = {
    method,
    signal,
    // A connection of its own: one from a pool was made for another check.
    agent: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    headers: {
      'user-agent': 'Starling',
      'accept-encoding': 'gzip, deflate, br',
      ...headers,
      ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    },
    ...(pinned && { lookup: pinnedLookup(pinned) }),
  }
  return new Promise((done, fail) => {
    const outgoing = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options, done)
    outgoing.once('error', fail)
    outgoing.end(body)
  })
}

/** Name resolution cannot be stopped; nobody has to wait for it. */
function orAborted<T>(task: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  return new Promise((done, fail) => {
    const abort = () => fail(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    task.then(done, fail).finally(() => signal.removeEventListener('abort', abort))
  })
}

async function read(
  answer: IncomingMessage,
  url: URL,
  { maxBytes, overflow = 'fail' }: PublicRequest,
  signal: AbortSignal,
): Promise<PublicAnswer> {
  const { statusCode: status = 0, headers } = answer
  const announced = Number(headers['content-length'] ?? 0)
  if (overflow === 'fail' && announced > maxBytes) {
    answer.destroy()
    throw tooLarge(maxBytes)
  }
  const plain = decoded(answer, headers['content-encoding'])
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of plain as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      if (size > maxBytes) break
    }
  } catch (cause) {
    if (plain === answer || signal.aborted) throw cause
    throw new OutboundError('bad-encoding', 'The answer is not what its Content-Encoding says', { cause })
  } finally {
    answer.destroy()
  }
  if (size > maxBytes && overflow === 'fail') throw tooLarge(maxBytes)
  const body = Buffer.concat(chunks, Math.min(size, maxBytes))
  return { status, url, headers, body, cut: size > maxBytes }
}

function decoded(answer: IncomingMessage, encoding = 'identity'): Readable {
  const name = encoding.trim().toLowerCase()
  if (name === 'identity' || name === '') return answer
  const decoder = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined
  if (!decoder) {
    answer.destroy()
    throw new OutboundError('bad-encoding', 'An unknown Content-Encoding')
  }
  const plain = decoder()
  // What breaks the connection breaks the text, so that its reader does not wait for ever.
  answer.once('error', (error) => plain.destroy(error)).once('aborted', () => plain.destroy(new Error('aborted')))
  return answer.pipe(plain)
}

function tooLarge(maxBytes: number): OutboundError {
  return new OutboundError('too-large', `The answer is larger than ${maxBytes} bytes`)
}
