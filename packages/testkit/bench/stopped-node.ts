import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ground, type OpenRooms, openNetKeys, openRooms, type PeerId, processTimers } from '@starling/federation'
import { LevelStore, nodeCrypto, randomBytes } from '@starling/node'
import type { KeyValueStore } from '@starling/protocol'
import { QuietLogger } from '@starling/testkit'

/** The room engine of a node that is stopped, over its own database and under its own identity; closed when it is disposed of. */
export interface StoppedNode extends AsyncDisposable {
  readonly engine: OpenRooms['engine']
  readonly keyRing: Awaited<ReturnType<typeof openNetKeys>>['keyRing']
}

export async function openStoppedNode(dataDir: string, peerId: string): Promise<StoppedNode> {
  const store = await LevelStore.open(join(dataDir, 'database'))
  const identity = readFileSync(join(dataDir, 'identity.key'), 'utf8')
  const seed = Buffer.from(/ed25519 ([\w-]+)/.exec(identity)?.[1] ?? '', 'base64url')
  const ground = groundOf(store)
  const { keyRing } = await openNetKeys(ground, seed, peerId as PeerId)
  const { engine, stop } = await openRooms({ ...ground, keys: keyRing })
  return {
    ...{ engine, keyRing },
    async [Symbol.asyncDispose]() {
      await stop()
      await store[Symbol.asyncDispose]()
    },
  }
}

/** The product's own crypto, clock and timers, and nobody who listens. */
export function groundOf(store: KeyValueStore): Ground {
  return {
    ...{ store, randomBytes },
    crypto: nodeCrypto,
    clock: { now: () => Date.now() },
    timers: processTimers,
    logger: new QuietLogger(),
    count: () => undefined,
  }
}
