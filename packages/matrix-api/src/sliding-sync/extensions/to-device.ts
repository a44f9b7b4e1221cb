import type { JsonObject } from '@starling/protocol'
import type { SlidingContext } from '../sliding-context.ts'
import { formatToDeviceToken, type ToDeviceRequest } from '../sliding-request.ts'

export interface ToDeviceAnswer {
  readonly json: JsonObject
  readonly isNews: boolean
}

/**
 * The `to_device` extension (MSC4538). Its token is its own, so that a connection that starts anew gets no message twice. What
 * the client says it has is deleted by {@link acknowledge}.
 */
export async function toDeviceExtension(context: SlidingContext, request: ToDeviceRequest): Promise<ToDeviceAnswer> {
  const { sources, requester, to } = context
  const { userId, deviceId } = requester
  const messages = await sources.toDevice.messages(userId, deviceId, request.since ?? 0, to, request.limit)
  const last = messages.length < request.limit ? to : (messages.at(-1)?.position ?? to)
  return {
    isNews: messages.length > 0,
    json: {
      next_batch: formatToDeviceToken(Math.max(last, request.since ?? 0)),
      events: messages.map(({ event }) => event),
    },
  }
}
