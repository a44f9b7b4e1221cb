/** Bad configuration: every problem found, one per entry. Ends the process with exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'bad-configuration'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`bad configuration:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.problems = problems
  }
}
