import type { BackupKey, PlacedKey } from './backup-key.ts'

/** session id → key. */
export function sessionsOf(keys: readonly PlacedKey[]): { readonly [sessionId: string]: BackupKey } {
  return Object.fromEntries(keys.map(({ sessionId, key }) => [sessionId, key]))
}
