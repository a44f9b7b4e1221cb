import './quiet-sdk-logger.ts'
import { createClient, type ICreateClientOpts, type MatrixClient } from 'matrix-js-sdk'
import { sdkLogger as logger } from './quiet-sdk-logger.ts'
import type { SdkSession, WhoAmI } from './sdk-types.ts'

/** A client that has no session yet, to register or log in with. */
export function makeSdkWithoutSession(baseUrl: string): MatrixClient {
  return createClient({ baseUrl, logger })
}

/** A client on a session, with its Rust crypto and keys in memory; it does not sync yet. */
export async function makeSdk(
  session: SdkSession,
  options: Partial<ICreateClientOpts> = {},
): Promise<{ readonly client: MatrixClient; readonly me: WhoAmI }> {
  const me = await whoAmI(session)
  const client = createClient({ ...session, ...me, logger, ...options })
  await client.initRustCrypto({ useIndexedDB: false })
  return { client, me }
}

/** A token alone says who it belongs to. */
async function whoAmI(session: SdkSession): Promise<WhoAmI> {
  const answer = await createClient({ ...session, logger }).whoami()
  if (!answer.device_id) throw new Error('the token belongs to no device')
  return { userId: answer.user_id, deviceId: answer.device_id }
}
