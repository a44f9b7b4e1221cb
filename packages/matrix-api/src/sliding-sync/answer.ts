import type { JsonObject } from '@starling/protocol'
import { accountDataExtension } from './extensions/account-data.ts'
import { e2eeExtension } from './extensions/e2ee.ts'
import { receiptsExtension } from './extensions/receipts.ts'
import { toDeviceExtension } from './extensions/to-device.ts'
import { typingExtension } from './extensions/typing.ts'
import { roomsSection } from './rooms-section.ts'
import type { SlidingContext } from './sliding-context.ts'
import { echoOf } from './sliding-request.ts'

export interface SlidingAnswer {
  /** All but `pos`. */
  readonly json: JsonObject
  /** Nothing for the client to know: a long-poll goes on waiting. */
  readonly isEmpty: boolean
}

/** One answer for one look. What the client has after it is noted in the look's draft. */
export async function slidingAnswer(context: SlidingContext): Promise<SlidingAnswer> {
  const { request } = context
  const rooms = await roomsSection(context)
  // Who turns the extension on again is told the counts anew.
  if (!request.e2ee) context.draft.keyCounts = undefined
  const toDevice = request.toDevice && (await toDeviceExtension(context, request.toDevice))
  const extensions = Object.fromEntries(
    Object.entries({
      e2ee: request.e2ee ? await e2eeExtension(context) : undefined,
      account_data: await accountDataExtension(context),
      receipts: await receiptsExtension(context, rooms),
      typing: typingExtension(context),
    }).filter(([, json]) => json !== undefined),
  ) as JsonObject
  return {
    isEmpty: Object.keys(rooms).length === 0 && Object.keys(extensions).length === 0 && !toDevice?.isNews,
    json: {
      ...echoOf(request),
      lists: context.windows.counts,
      rooms,
      extensions: { ...(toDevice && { to_device: toDevice.json }), ...extensions },
    },
  }
}
