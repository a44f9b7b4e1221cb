import type { JoinStatus, NodeStatus } from '../../control/control-routes.ts'
import { dataDirectory } from '../../store/data-directory.ts'
import type { Command } from '../command.ts'
import { ControlClient } from '../control-client.ts'
import { EXIT } from '../exit-codes.ts'

export const status: Command = {
  name: 'status',
  usage: 'status',
  help: 'what the running node is doing',
  async run(config) {
    const client = await ControlClient.connect(dataDirectory(config.dataDir).control, config.dataDir)
    const node = await client.get<NodeStatus>('status')
    console.log(`You          ${node.user_id}`)
    console.log(`Client API   ${node.client_api}`)
    console.log(`Element      ${node.element ?? 'off'}`)
    console.log(`Peer id      ${node.peer_id}`)
    console.log(`Running      ${duration(node.uptime)}, pid ${node.pid}, version ${node.version}`)
    console.log(`Rooms        ${node.rooms}`)
    console.log(`Connected    ${node.peers} peers, ${node.servers} of them Starling nodes`)
    for (const join of node.joins) console.log(`Joining      ${join.room_id}: ${progressOf(join)}`)
    for (const address of node.multiaddrs) console.log(`Address      ${address}`)
    return EXIT.stopped
  },
}

const STAGES: Readonly<Record<JoinStatus['stage'], string>> = {
  asking: 'asking to be let in',
  fetching: 'fetching the room',
  entering: 'entering',
  waiting: 'waiting until a server of the room can be reached',
}

function progressOf({ stage, events, total, resident }: JoinStatus): string {
  const count = total > 0 ? `, ${events} of ${total} events` : ''
  return `${STAGES[stage]}${count}${resident === null ? '' : `, by ${resident}`}`
}

function duration(seconds: number): string {
  const hours = Math.floor(seconds / 3_600)
  const minutes = Math.floor((seconds % 3_600) / 60)
  return hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`
}
