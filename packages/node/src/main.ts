#!/usr/bin/env node
import { CliError } from './cli/cli-error.ts'
import { commands } from './cli/commands.ts'
import { EXIT, exitCodeOf, isExpected } from './cli/exit-codes.ts'
import { helpText } from './cli/help.ts'
import { loadConfig } from './config/load-config.ts'

// The one place that may end the process: what a component does is throw, or stop when it is told to.
process.exit(await main(process.argv.slice(2)))

async function main(argv: readonly string[]): Promise<number> {
  try {
    const { config, positionals, help } = loadConfig(argv, process.env)
    if (help) {
      console.log(helpText(commands))
      return EXIT.stopped
    }
    const [name = 'start', ...args] = positionals
    const command = commands.find((candidate) => candidate.name === name)
    if (!command) throw new CliError('usage', `no such command: ${name} (see starling --help)`)
    return await command.run(config, args)
  } catch (error) {
    console.error(isExpected(error) ? `starling: ${error.message}` : error)
    return exitCodeOf(error)
  }
}
