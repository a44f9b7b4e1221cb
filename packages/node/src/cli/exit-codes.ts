import { ConfigError } from '../config/config-error.ts'
import { IdentityError } from '../identity/identity-error.ts'
import { StoreError } from '../store/store-error.ts'
import { CliError } from './cli-error.ts'

/** Exit codes are part of the outer contract (DESIGN section 7). */
export const EXIT = { stopped: 0, failed: 1, badConfiguration: 2, dataUnusable: 3 } as const

export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return EXIT.badConfiguration
  if (error instanceof CliError && error.code === 'usage') return EXIT.badConfiguration
  if (isDataError(error)) return EXIT.dataUnusable
  if (named(error, 'TransportError') && (error as { code?: unknown }).code === 'bad-address') {
    return EXIT.badConfiguration
  }
  return EXIT.failed
}

/** Those whose message alone tells a person what to do; of others the stack is worth printing. */
export function isExpected(error: unknown): error is Error {
  return (
    error instanceof ConfigError ||
    error instanceof CliError ||
    isDataError(error) ||
    named(error, 'ListenError', 'TransportError')
  )
}

/** By name, so that a command that only talks to the running node need not load what throws them. */
function named(error: unknown, ...names: readonly string[]): error is Error {
  return error instanceof Error && names.includes(error.name)
}

function isDataError(error: unknown): boolean {
  return error instanceof StoreError || error instanceof IdentityError || named(error, 'SchemaError')
}
