/**
 * Makes matrix-js-sdk quiet. Parts of it (MatrixRTC, push rules, timelines, calls before there is a client) log to its own
 * root, whatever logger a client is given, and some take hold of that root as they load: so this is imported before the SDK.
 */
import { logger as rootLogger } from 'matrix-js-sdk/lib/logger.js'

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error'

/** The root as the `loglevel` logger that it is. */
interface Loglevel {
  methodFactory: (level: Level) => (...words: unknown[]) => void
  rebuild(): void
}

/** Errors of the SDK go to standard error, one line each; the rest goes nowhere. */
function sink(level: Level): (...words: unknown[]) => void {
  if (level !== 'error') return () => undefined
  return (...words) => console.error(...words.map((word) => (word instanceof Error ? word.message : word)))
}

/** For `createClient`. */
export const sdkLogger = {
  ...{ trace: sink('trace'), debug: sink('debug'), info: sink('info'), warn: sink('warn'), error: sink('error') },
  getChild: () => sdkLogger,
}

const root = rootLogger as unknown as Loglevel
root.methodFactory = sink
root.rebuild()
