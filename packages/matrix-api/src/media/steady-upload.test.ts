import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MediaError } from './media-error.ts'
import { type Pace, steadily } from './steady-upload.ts'

const PACE: Pace = { idleMs: 50, minBytesPerSecond: 1_000, graceMs: 10_000 }

/** Chunks, each so many seconds after the one before. */
function sender(chunks: readonly { readonly bytes: number; readonly afterSeconds: number }[]) {
  let now = 0
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const { bytes, afterSeconds } of chunks) {
      now += afterSeconds * 1_000
      yield new Uint8Array(bytes)
    }
  }
  return { source: source(), now: () => now }
}

async function received(source: AsyncIterable<Uint8Array>, pace: Pace, now: () => number): Promise<number> {
  let size = 0
  for await (const chunk of steadily(source, pace, now)) size += chunk.length
  return size
}

test('an upload may take hours as long as it makes progress', async () => {
  const hour = Array.from({ length: 3_600 }, () => ({ bytes: 2_000, afterSeconds: 1 }))
  const { source, now } = sender(hour)
  assert.equal(await received(source, PACE, now), 7_200_000)
})

test('bad input 83: an upload that drips or stops is given up; without a pace it is waited for', async () => {
  const drip = Array.from({ length: 100 }, () => ({ bytes: 1, afterSeconds: 20 }))
  const tooSlow = (error: unknown) => error instanceof MediaError && error.code === 'too-slow'
  const first = sender(drip)
  await assert.rejects(received(first.source, PACE, first.now), tooSlow)
  const twin = sender(drip)
  assert.equal(await received(twin.source, { ...PACE, minBytesPerSecond: 0 }, twin.now), 100)
  async function* stalled(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1)
    await new Promise(() => undefined)
  }
  await assert.rejects(
    received(stalled(), PACE, () => 0),
    tooSlow,
  )
})
