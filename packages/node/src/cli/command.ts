import type { Config } from '../config/options.ts'

/** A subcommand: one row of the table in `commands.ts`. */
export interface Command {
  readonly name: string
  readonly usage: string
  readonly help: string
  /** `args` are the words after the name. Prints for a person; resolves with the exit code. */
  run(config: Config, args: readonly string[]): Promise<number>
}
