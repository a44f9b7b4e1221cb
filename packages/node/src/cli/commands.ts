import type { Command } from './command.ts'
import { doctor } from './commands/doctor.ts'
import { identity } from './commands/identity.ts'
import { peers } from './commands/peers.ts'
import { search } from './commands/search.ts'
import { start } from './commands/start.ts'
import { status } from './commands/status.ts'
import { token } from './commands/token.ts'

/** Every subcommand, in the order of the help text. The first is what runs without a name. */
export const commands: readonly Command[] = [start, status, peers, search, token, identity, doctor]
