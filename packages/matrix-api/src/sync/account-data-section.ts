import type { JsonObject } from '@starling/protocol'
import type { CompiledEventFilter } from '../filters/compiled-filter.ts'
import type { SyncContext } from './context.ts'
import type { AccountDataChange } from './ports.ts'

/** Account data as `{type, content}`, filtered (Client-Server API, "Client Config"). */
export function accountDataEvents(changes: readonly AccountDataChange[], filter: CompiledEventFilter): JsonObject[] {
  return changes
    .filter(({ type, content }) => filter.matches({ type, content }))
    .slice(0, filter.limit)
    .map(({ type, content }) => ({ type, content }))
}

/** Global `account_data`. */
export async function accountDataSection(context: SyncContext): Promise<JsonObject | undefined> {
  const global = context.accountData.filter((change) => change.roomId === undefined)
  const events = accountDataEvents(global, context.filter.accountData)
  return events.length === 0 ? undefined : { events }
}
