/** One HTTP answer as it came over the wire. */
export interface WireAnswer {
  readonly status: number
  /** Names in lower case; of a repeated header the last. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array
  /** Why it is no well-formed HTTP, where it is not. */
  readonly broken: string | undefined
}

export interface ParsedAnswer {
  readonly answer: WireAnswer
  /** Bytes of it. */
  readonly length: number
  /** Its end is the end of the connection. */
  readonly untilClose: boolean
}

/**
 * The first answer in what has arrived; undefined where that is not all of it yet. `ended`: no more will come. Interim answers
 * (100) are passed over.
 */
export function parseAnswer(bytes: Buffer, hasBody: boolean, ended: boolean): ParsedAnswer | undefined {
  let start = 0
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', start)
    if (end === -1) return ended && bytes.length > start ? brokenAnswer(bytes, 'headers without an end') : undefined
    const [statusLine = '', ...lines] = bytes.toString('latin1', start, end).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
    if (!Number.isInteger(status)) return brokenAnswer(bytes, `status line ${JSON.stringify(statusLine.slice(0, 80))}`)
    if (status >= 100 && status < 200) {
      start = end + 4
      continue
    }
    const headers = new Map<string, string>()
    let broken: string | undefined
    for (const line of lines) {
      const [, name, value] = /^([!#$%&'*+.^`|~\w-]+): ?([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? []
      if (name === undefined || value === undefined) broken = `header line ${JSON.stringify(line.slice(0, 80))}`
      else headers.set(name.toLowerCase(), value)
    }
    return withBody({ status, headers, broken }, bytes, end + 4, hasBody, ended)
  }
}

type Head = Pick<WireAnswer, 'status' | 'headers' | 'broken'>

function withBody(head: Head, bytes: Buffer, from: number, hasBody: boolean, ended: boolean): ParsedAnswer | undefined {
  if (!hasBody || head.status === 204 || head.status === 304) {
    return { answer: { ...head, body: Buffer.alloc(0) }, length: from, untilClose: false }
  }
  if (/chunked/i.test(head.headers.get('transfer-encoding') ?? '')) return chunkedBody(head, bytes, from, ended)
  const announced = head.headers.get('content-length')
  if (announced === undefined) {
    if (!ended) return undefined
    return { answer: { ...head, body: bytes.subarray(from) }, length: bytes.length, untilClose: true }
  }
  const end = from + Number(announced)
  if (bytes.length >= end)
    return { answer: { ...head, body: bytes.subarray(from, end) }, length: end, untilClose: false }
  return ended ? brokenAnswer(bytes, `${bytes.length - from} bytes of ${announced} announced`, head) : undefined
}

function chunkedBody(head: Head, bytes: Buffer, from: number, ended: boolean): ParsedAnswer | undefined {
  const parts: Buffer[] = []
  let at = from
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) break
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + size
    if (bytes.length < end + 2) break
    if (size === 0) return { answer: { ...head, body: Buffer.concat(parts) }, length: end + 2, untilClose: false }
    parts.push(bytes.subarray(lineEnd + 2, end))
    at = end + 2
  }
  return ended ? brokenAnswer(bytes, 'chunks without an end', head) : undefined
}

function brokenAnswer(bytes: Buffer, why: string, head?: Head): ParsedAnswer {
  const answer = {
    status: head?.status ?? 0,
    headers: head?.headers ?? new Map<string, string>(),
    body: bytes,
    broken: why,
  }
  return { answer, length: bytes.length, untilClose: true }
}
