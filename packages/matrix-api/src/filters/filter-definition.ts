import { z } from 'zod'

/**
 * Filters as clients define them (Client-Server API, "Filtering"). Every list is bounded: what is checked for each event
 * of each sync must not be at a client's mercy. Unknown keys are kept when stored and ignored when applied.
 */
const MAX_ENTRIES = 1_000
const MAX_FIELDS = 100
const MAX_TEXT = 255

const text = z.string().max(MAX_TEXT)
const texts = z.array(text).max(MAX_ENTRIES)

export const eventFilterSchema = z.looseObject({
  limit: z.number().int().min(0).optional(),
  senders: texts.optional(),
  not_senders: texts.optional(),
  types: texts.optional(),
  not_types: texts.optional(),
})

export const roomEventFilterSchema = eventFilterSchema.extend({
  rooms: texts.optional(),
  not_rooms: texts.optional(),
  contains_url: z.boolean().optional(),
  lazy_load_members: z.boolean().optional(),
  include_redundant_members: z.boolean().optional(),
  unread_thread_notifications: z.boolean().optional(),
})

export const filterSchema = z.looseObject({
  event_fields: z.array(z.string().max(MAX_TEXT)).max(MAX_FIELDS).optional(),
  event_format: z.enum(['client', 'federation']).optional(),
  presence: eventFilterSchema.optional(),
  account_data: eventFilterSchema.optional(),
  room: z
    .looseObject({
      rooms: texts.optional(),
      not_rooms: texts.optional(),
      include_leave: z.boolean().optional(),
      ephemeral: roomEventFilterSchema.optional(),
      state: roomEventFilterSchema.optional(),
      timeline: roomEventFilterSchema.optional(),
      account_data: roomEventFilterSchema.optional(),
    })
    .optional(),
})

export type EventFilter = z.output<typeof eventFilterSchema>
export type RoomEventFilter = z.output<typeof roomEventFilterSchema>
export type Filter = z.output<typeof filterSchema>
