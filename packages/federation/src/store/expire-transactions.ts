import type { BatchOperation, KeyValueStore } from '@starling/protocol'
import { tables } from './tables.ts'

/** How long a client may come back with the same transaction id. Clients give up within minutes; a week outlasts a holiday. */
export const TRANSACTION_LIFETIME_MS = 7 * 24 * 60 * 60 * 1000

const ROWS_PER_BATCH = 1_000

/** Removes transaction ids older than that. What is left to scan is one week of local sends. */
export async function expireTransactions(store: KeyValueStore, now: number): Promise<void> {
  let batch: BatchOperation[] = []
  for await (const { key, value } of tables.transaction.scan(store, [])) {
    if (now - value.at < TRANSACTION_LIFETIME_MS) continue
    batch.push(tables.transaction.del(key))
    if (batch.length < ROWS_PER_BATCH) continue
    await store.batch(batch, { durable: false })
    batch = []
  }
  if (batch.length > 0) await store.batch(batch, { durable: false })
}
