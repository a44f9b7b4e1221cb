/** A request as it will go over the wire: every part can be bent by itself. */
export interface WireRequest {
  /** Operation, and what was done to it. */
  readonly id: string
  readonly changes: string[]
  method: string
  /** Below the host, percent-encoded as it is sent. */
  path: string
  /** `name=value` pairs, encoded as they are sent. */
  query: string[]
  headers: [name: string, value: string][]
  body: Uint8Array | undefined
  framing: 'length' | 'chunked'
  /** Added to the length that is announced. */
  lie: number
  version: string
  /** Sent in place of all of it. */
  raw?: Uint8Array
}

const CHUNK = 1_000

export function bytesOf(request: WireRequest): Uint8Array {
  if (request.raw) return request.raw
  const query = request.query.length > 0 ? `?${request.query.join('&')}` : ''
  const lines = [`${request.method} ${request.path}${query} ${request.version}`]
  for (const [name, value] of request.headers) lines.push(`${name}: ${value}`)
  const { body } = request
  if (body && request.framing === 'length') lines.push(`Content-Length: ${body.length + request.lie}`)
  if (body && request.framing === 'chunked') lines.push('Transfer-Encoding: chunked')
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  if (!body) return head
  return Buffer.concat([head, request.framing === 'chunked' ? chunked(body, request.lie) : body])
}

/** Whether the server can find its end: the connection may then be used again. */
export function isFramed(request: WireRequest): boolean {
  const { raw, lie, version, headers } = request
  const announced = headers.some(([name]) => /^(content-length|transfer-encoding|connection|upgrade)$/i.test(name))
  return raw === undefined && lie === 0 && version === 'HTTP/1.1' && !announced
}

export function copyOf(request: WireRequest): WireRequest {
  return {
    ...request,
    changes: [...request.changes],
    query: [...request.query],
    headers: request.headers.map(([name, value]) => [name, value]),
  }
}

function chunked(body: Uint8Array, lie: number): Buffer {
  const parts: (Uint8Array | string)[] = []
  for (let at = 0; at < body.length; at += CHUNK) {
    const part = body.subarray(at, at + CHUNK)
    parts.push(`${Math.max(0, part.length + lie).toString(16)}\r\n`, part, '\r\n')
  }
  parts.push('0\r\n\r\n')
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}
