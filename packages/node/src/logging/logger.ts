import type { Logger } from '@starling/protocol'
import { pino } from 'pino'
import type { LogLevel } from '../config/parsers.ts'

/**
 * One JSON object per line on standard error, so that what the node prints for a person (standard output) stays clean.
 * Written synchronously: the lines before a crash are the ones that matter.
 */
export function createLogger(level: LogLevel): Logger {
  return pino({ level, base: null }, pino.destination({ fd: 2, sync: true }))
}
