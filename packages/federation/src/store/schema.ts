import type { BatchOperation, KeyValueStore } from '@starling/protocol'
import { Bucket } from './buckets.ts'
import { countChildren } from './count-children.ts'
import { redactionsByRoom } from './redactions-by-room.ts'
import { Table } from './table.ts'

/** Takes the rows from version `to − 1` to `to`. Must be safe to run again: a crash may come before its version row. */
export interface Migration {
  readonly to: number
  readonly what: string
  run(store: KeyValueStore): Promise<readonly BatchOperation[]>
}

export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  readonly code = 'schema-too-new'
}

const meta = new Table<[string], number>(Bucket.meta, ['text'])

/** Row `schema` of bucket 0 holds the version of federation's rows. */
const ROW = 'federation.schema'

/** What this program writes. Each step from an older version stands in `MIGRATIONS`. */
export const SCHEMA_VERSION = 3
export const MIGRATIONS: readonly Migration[] = [
  {
    to: 2,
    what: 'Redactions that wait stand under their room. Snapshots of large states are trees of chunks: those of version 1, one row each, are read as they are.',
    run: redactionsByRoom,
  },
  {
    to: 3,
    what: 'How many events stand on each is counted, and heads hold the leaves that the current state refuses.',
    run: countChildren,
  },
]

/**
 * Brings the database to `target`, one migration after the other, each with its version row in one batch.
 *
 * @throws SchemaError where the database was written by a newer program: reading it would misread it.
 */
export async function migrate(
  store: KeyValueStore,
  target: number = SCHEMA_VERSION,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const found = await meta.get(store, ROW)
  if (found === undefined) {
    await store.batch([meta.put([ROW], target)])
    return
  }
  if (found > target) {
    throw new SchemaError(
      `the database has schema version ${found}, this program knows up to ${target}: install a newer Starling, or restore a backup made by this one`,
    )
  }
  for (let version = found + 1; version <= target; version++) {
    const step = migrations.find((migration) => migration.to === version)
    if (!step) throw new SchemaError(`no migration leads to schema version ${version}`)
    await store.batch([...(await step.run(store)), meta.put([ROW], version)])
  }
}
