import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { readBounded } from './body.ts'
import { HeldBodies } from './held-bodies.ts'
import { MatrixError } from './matrix-error.ts'

const MIB = 1024 * 1024
const LIMIT = 8 * MIB

/** A request whose body comes as the test writes it. */
function sending() {
  const body = new PassThrough({ highWaterMark: 16 * MIB })
  return { body, request: Object.assign(body, { headers: {} }) as unknown as IncomingMessage }
}

/** Sends so many bytes and no more for now; resolves once they have been taken. */
async function unfinished(held: HeldBodies, size: number) {
  const { body, request } = sending()
  const reading = readBounded(request, LIMIT, held)
  reading.catch(() => undefined)
  body.write(Buffer.alloc(size))
  await new Promise((resolve) => setImmediate(resolve))
  return { body, reading }
}

const outcome = (reading: Promise<Uint8Array>) =>
  reading.then(
    (bytes) => bytes.length,
    (error: unknown) => (error instanceof MatrixError ? error.errcode : String(error)),
  )

test('large bodies are held in bounded number, small ones always read, and what is given up is given back', async () => {
  const held = new HeldBodies(20 * MIB)
  const slow = [await unfinished(held, 7 * MIB), await unfinished(held, 7 * MIB)]
  const refused = await unfinished(held, 7 * MIB)
  assert.equal(await outcome(refused.reading), 'M_LIMIT_EXCEEDED')
  const small = await unfinished(held, 50_000)
  small.body.end()
  assert.equal(await outcome(small.reading), 50_000)
  slow[0]?.body.destroy()
  assert.equal(await outcome((slow[0] as { reading: Promise<Uint8Array> }).reading), 'M_NOT_JSON')
  const next = await unfinished(held, 7 * MIB)
  next.body.end()
  assert.equal(await outcome(next.reading), 7 * MIB)
  // The twin: without a bound all of them are held.
  const all = await Promise.all(Array.from({ length: 5 }, () => unfinished(new HeldBodies(2 ** 40), 7 * MIB)))
  for (const { body } of all) body.end()
  for (const { reading } of all) assert.equal(await outcome(reading), 7 * MIB)
})
