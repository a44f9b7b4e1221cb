import { dataDirectory } from '../../store/data-directory.ts'
import type { Command } from '../command.ts'
import { ControlClient } from '../control-client.ts'
import { EXIT } from '../exit-codes.ts'

export const token: Command = {
  name: 'token',
  usage: 'token',
  help: 'print an access token for the owner (a new session; keep it secret)',
  async run(config) {
    const client = await ControlClient.connect(dataDirectory(config.dataDir).control, config.dataDir)
    const session = await client.post<{ access_token: string }>('token')
    console.log(session.access_token)
    return EXIT.stopped
  },
}
