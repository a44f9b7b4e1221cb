import { isJsonObject, type JsonObject } from '@starling/protocol'
import { z } from 'zod'

/** UTF-16 units of `auth_data` as JSON: a public key and some signatures. */
const MAX_AUTH_DATA_LENGTH = 65_536

/** What a backup is made or changed with. The algorithm is the client's affair. */
export const versionBody = z.object({
  algorithm: z.string().min(1).max(255),
  auth_data: z.custom<JsonObject>(
    (value) => isJsonObject(value) && JSON.stringify(value).length <= MAX_AUTH_DATA_LENGTH,
  ),
  version: z.string().optional(),
})
