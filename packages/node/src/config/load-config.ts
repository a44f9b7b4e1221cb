import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ConfigError } from './config-error.ts'
import { type Config, envName, OPTIONS, type OptionName } from './options.ts'

/** Where a setting came from, in the words of its user. */
interface Given {
  readonly text: string
  readonly source: string
}

export interface LoadedConfig {
  readonly config: Config
  /** Words that are not flags: the subcommand and its arguments. */
  readonly positionals: readonly string[]
  readonly help: boolean
}

/**
 * Reads flags, environment and the JSON file named by `--config` or `STARLING_CONFIG`, in that order of precedence.
 * @throws ConfigError listing every problem at once, so that a person fixes them in one go.
 */
export function loadConfig(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): LoadedConfig {
  const problems: string[] = []
  const { values, positionals } = readFlags(argv, problems)
  const file = readFile(values.config ?? env.STARLING_CONFIG, problems)
  const entries = optionNames().map((name) => [name, readOption(name, values, env, file, problems)] as const)
  const config = Object.freeze(Object.fromEntries(entries)) as unknown as Config
  if (problems.length === 0) checkTogether(config, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return { config, positionals, help: values.help !== undefined }
}

function optionNames(): OptionName[] {
  return Object.keys(OPTIONS) as OptionName[]
}

function readFlags(
  argv: readonly string[],
  problems: string[],
): { values: Record<string, string>; positionals: string[] } {
  const flags = Object.fromEntries(optionNames().map((name) => [OPTIONS[name].flag, { type: 'string' as const }]))
  const parsed = parseArgs({
    args: [...argv],
    options: { ...flags, config: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const known = new Set([...Object.keys(flags), 'config', 'help'])
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue
    if (!known.has(token.name)) problems.push(`${token.rawName}: no such flag (see starling --help)`)
    else if (token.name !== 'help' && token.value === undefined) problems.push(`${token.rawName}: needs a value`)
  }
  const values = Object.fromEntries(Object.entries(parsed.values).map(([key, value]) => [key, String(value)]))
  return { values, positionals: parsed.positionals }
}

function readFile(path: string | undefined, problems: string[]): Readonly<Record<string, unknown>> {
  if (path === undefined || path === '') return {}
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    problems.push(`config file ${path}: ${error instanceof Error ? error.message : String(error)}`)
    return {}
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    problems.push(`config file ${path}: must hold one JSON object`)
    return {}
  }
  const known = new Set<string>(optionNames())
  for (const key of Object.keys(parsed)) {
    if (!known.has(key)) problems.push(`config file ${path}: no such key "${key}"`)
  }
  return parsed as Record<string, unknown>
}

function readOption(
  name: OptionName,
  flags: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>>,
  file: Readonly<Record<string, unknown>>,
  problems: string[],
): unknown {
  const option = OPTIONS[name]
  const given = firstGiven(name, option.flag, flags, env, file, problems)
  if (given === undefined) return option.defaultValue()
  const parsed = option.parse(given.text)
  if (parsed.ok) return parsed.value
  // A secret's text is never repeated; no other option echoes its value here either.
  problems.push(`${given.source}: ${parsed.problem}`)
  return undefined
}

function firstGiven(
  name: OptionName,
  flag: string,
  flags: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>>,
  file: Readonly<Record<string, unknown>>,
  problems: string[],
): Given | undefined {
  const fromFlag = flags[flag]
  if (fromFlag !== undefined) return { text: fromFlag, source: `--${flag}` }
  const fromEnv = env[envName(flag)]
  // Compose files pass unset variables as empty text: that is "not given", as for most programs.
  if (fromEnv !== undefined && fromEnv !== '') return { text: fromEnv, source: envName(flag) }
  const fromFile = file[name]
  if (fromFile === undefined) return undefined
  const source = `config file key "${name}"`
  if (typeof fromFile === 'string') return { text: fromFile, source }
  if (typeof fromFile === 'boolean') return { text: fromFile ? 'on' : 'off', source }
  if (Array.isArray(fromFile) && fromFile.every((item) => typeof item === 'string')) {
    return { text: fromFile.join(','), source }
  }
  problems.push(`${source}: must be text, true, false or a list of texts`)
  return undefined
}

/** What is wrong only in combination. */
function checkTogether(config: Config, problems: string[]): void {
  if (config.registration === 'token' && config.registrationToken === undefined) {
    problems.push('--registration token: needs --registration-token')
  }
  const fixed = config.turnUser !== undefined && config.turnPassword !== undefined
  if (config.turnUris?.length > 0 && config.turnSecret === undefined && !fixed) {
    problems.push('--turn-uris: needs --turn-secret, or --turn-user and --turn-password')
  }
}
