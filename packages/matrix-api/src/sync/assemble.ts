import type { JsonObject } from '@starling/protocol'
import { formatSyncToken } from '../rooms/position-token.ts'
import { accountDataSection } from './account-data-section.ts'
import type { SyncContext } from './context.ts'
import { deviceListsSection, keyCountsSection, toDeviceSection } from './device-sections.ts'
import { presenceSection } from './presence-section.ts'
import { roomsSection } from './rooms-section.ts'

/** The streams of /sync that have nothing but their content to say. Each reads `(since, to]` for itself. */
const SECTIONS: Readonly<Record<string, (context: SyncContext) => Promise<JsonObject | undefined>>> = {
  rooms: roomsSection,
  presence: presenceSection,
  account_data: accountDataSection,
  device_lists: deviceListsSection,
}

export interface SyncAnswer {
  readonly json: JsonObject
  /** Nothing in the window: a long-poll goes on waiting. */
  readonly isEmpty: boolean
  /** For a long-poll to see whether keys were claimed meanwhile. */
  readonly keyCounts: string
}

/** One answer of /sync for one window. */
export async function assemble(context: SyncContext): Promise<SyncAnswer> {
  const [toDevice, keyCounts, ...sections] = await Promise.all([
    toDeviceSection(context),
    keyCountsSection(context),
    ...Object.entries(SECTIONS).map(async ([name, read]) => [name, await read(context)] as const),
  ])
  const present = sections.filter(([, json]) => json !== undefined)
  return {
    isEmpty: present.length === 0 && toDevice.json === undefined,
    keyCounts: JSON.stringify(keyCounts),
    json: {
      next_batch: formatSyncToken({ position: context.to, toDevice: toDevice.upTo }),
      ...(toDevice.json && { to_device: toDevice.json }),
      ...(Object.fromEntries(present) as JsonObject),
      ...keyCounts,
    },
  }
}
