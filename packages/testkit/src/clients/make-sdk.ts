import { createClient, type ICreateClientOpts, type MatrixClient } from 'matrix-js-sdk'
import { logger as rootLogger } from 'matrix-js-sdk/lib/logger.js'
import type { SdkSession, WhoAmI } from './sdk-types.ts'

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error'

/** The SDK's logger as the `loglevel` logger that it is. */
interface Loglevel {
  methodFactory: (level: Level) => (...words: unknown[]) => void
  rebuild(): void
}

/** Errors of the SDK go to standard error, one line each; the rest goes nowhere. */
function sink(level: Level): (...words: unknown[]) => void {
  if (level !== 'error') return () => undefined
  return (...words) => console.error(...words.map((word) => (word instanceof Error ? word.message : word)))
}

const logger = {
  ...{ trace: sink('trace'), debug: sink('debug'), info: sink('info'), warn: sink('warn'), error: sink('error') },
  getChild: () => logger,
}

// Parts of the SDK (MatrixRTC, push rules, calls before there is a client) log to its own root, whatever logger a client has.
const root = rootLogger as unknown as Loglevel
root.methodFactory = sink
root.rebuild()

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
