import { bytesOf, copyOf, type WireRequest } from './wire-request.ts'

/** Requests tried at most to make one smaller. */
const MAX_TRIES = 40

/**
 * Leaves out what is not needed for a fault: headers, query parameters, keys and items of the JSON body, the rest of a body. Each step
 * is kept where `fails` still says so.
 */
export async function minimise(
  request: WireRequest,
  fails: (smaller: WireRequest) => Promise<boolean>,
): Promise<WireRequest> {
  let smallest = request
  let tries = 0
  for (let shrunk = true; shrunk; ) {
    shrunk = false
    for (const smaller of smallerOnes(smallest)) {
      if (tries++ >= MAX_TRIES) return smallest
      if (bytesOf(smaller).length >= bytesOf(smallest).length || !(await fails(smaller))) continue
      smallest = smaller
      shrunk = true
      break
    }
  }
  return smallest
}

function* smallerOnes(request: WireRequest): Generator<WireRequest> {
  if (request.raw) {
    const { raw } = request
    for (const size of [0.25, 0.5, 0.75, 0.9]) yield { ...copyOf(request), raw: raw.subarray(0, raw.length * size) }
    return
  }
  if (request.body) {
    yield { ...copyOf(request), body: undefined }
    for (const body of smallerBodies(request.body)) yield { ...copyOf(request), body }
  }
  for (const index of request.headers.keys()) {
    yield { ...copyOf(request), headers: request.headers.filter((_, at) => at !== index) }
  }
  if (request.query.length > 0) yield { ...copyOf(request), query: [] }
  for (const index of request.query.keys()) {
    yield { ...copyOf(request), query: request.query.filter((_, at) => at !== index) }
  }
}

function* smallerBodies(body: Uint8Array): Generator<Uint8Array> {
  const text = Buffer.from(body).toString('utf8')
  for (const json of smallerValues(parsed(text), 0)) yield Buffer.from(JSON.stringify(json))
}

function* smallerValues(value: unknown, depth: number): Generator<unknown> {
  if (typeof value !== 'object' || value === null || depth > 6) return
  if (Array.isArray(value)) {
    if (value.length > 1) yield value.slice(0, value.length / 2)
    for (const index of [...value.keys()].slice(0, 10)) {
      yield value.toSpliced(index, 1)
      for (const item of smallerValues(value[index], depth + 1)) yield value.with(index, item)
    }
    return
  }
  const entries = Object.entries(value)
  if (entries.length > 3) yield Object.fromEntries(entries.slice(0, entries.length / 2))
  for (const [index, [key, item]] of entries.slice(0, 20).entries()) {
    yield Object.fromEntries(entries.toSpliced(index, 1))
    for (const smaller of smallerValues(item, depth + 1)) {
      yield Object.fromEntries(entries.with(index, [key, smaller]))
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
