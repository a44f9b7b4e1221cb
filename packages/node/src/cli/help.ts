import { envName, OPTIONS } from '../config/options.ts'
import type { Command } from './command.ts'

/** The text of `starling --help`, made from the tables of commands and options so that it cannot fall behind them. */
export function helpText(commands: readonly Command[]): string {
  const commandRows = commands.map(({ usage, help }) => [usage, help] as const)
  const optionRows = Object.values(OPTIONS).map(
    (option) => [`--${option.flag} ${option.value}`, `${option.help} [${envName(option.flag)}]`] as const,
  )
  return [
    'starling: a Matrix homeserver that lives on your own device',
    '',
    'Usage: starling [command] [flags]',
    '',
    ...table(commandRows),
    '',
    'Flags (each with its environment variable; or as a key of the JSON file named by --config):',
    '',
    ...table(optionRows),
    '',
  ].join('\n')
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`)
}
