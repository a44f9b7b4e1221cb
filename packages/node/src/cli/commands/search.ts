import type { FoundPerson } from '../../control/control-routes.ts'
import { dataDirectory } from '../../store/data-directory.ts'
import { CliError } from '../cli-error.ts'
import type { Command } from '../command.ts'
import { ControlClient } from '../control-client.ts'
import { EXIT } from '../exit-codes.ts'

export const search: Command = {
  name: 'search',
  usage: 'search TERM',
  help: 'find a person by name, name:suffix, user id, peer id or address',
  async run(config, args) {
    const term = args.join(' ').trim()
    if (term === '') throw new CliError('usage', 'search: what for? For example: starling search "Alice:ab12cde"')
    const client = await ControlClient.connect(dataDirectory(config.dataDir).control, config.dataDir)
    const { results } = await client.get<{ results: FoundPerson[] }>(`search?term=${encodeURIComponent(term)}`)
    if (results.length === 0) console.log(`nobody found for "${term}"`)
    for (const person of results) console.log(`${person.user_id}  ${person.display_name ?? ''}`)
    return EXIT.stopped
  },
}
