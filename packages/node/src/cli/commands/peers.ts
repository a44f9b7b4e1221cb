import type { PeerStatus } from '../../control/control-routes.ts'
import { dataDirectory } from '../../store/data-directory.ts'
import type { Command } from '../command.ts'
import { ControlClient } from '../control-client.ts'
import { EXIT } from '../exit-codes.ts'

export const peers: Command = {
  name: 'peers',
  usage: 'peers',
  help: 'who the running node is connected to',
  async run(config) {
    const client = await ControlClient.connect(dataDirectory(config.dataDir).control, config.dataDir)
    const { peers: connected } = await client.get<{ peers: PeerStatus[] }>('peers')
    if (connected.length === 0) console.log('no peers connected')
    for (const peer of connected) console.log(`${peer.peer_id}  ${peer.server_name ?? '(not a known Starling node)'}`)
    return EXIT.stopped
  },
}
