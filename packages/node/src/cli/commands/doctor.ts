import { access, constants, statfs } from 'node:fs/promises'
import type { NodeStatus } from '../../control/control-routes.ts'
import { readKeyFile } from '../../identity/key-file.ts'
import { dataDirectory } from '../../store/data-directory.ts'
import { CliError } from '../cli-error.ts'
import type { Command } from '../command.ts'
import { ControlClient } from '../control-client.ts'
import { EXIT } from '../exit-codes.ts'

/** Below this much free disk a person should know, in bytes. */
const LOW_DISK = 512 * 1024 * 1024

type Finding = { readonly level: 'ok' | 'note' | 'problem'; readonly text: string }

export const doctor: Command = {
  name: 'doctor',
  usage: 'doctor',
  help: 'check the data directory and the running node, and say what is wrong',
  async run(config) {
    const findings = [...(await checkDirectory(config.dataDir)), ...(await checkNode(config.dataDir))]
    for (const { level, text } of findings) console.log(`${level.padEnd(8)} ${text}`)
    return findings.some(({ level }) => level === 'problem') ? EXIT.failed : EXIT.stopped
  },
}

async function checkDirectory(root: string): Promise<Finding[]> {
  const directory = dataDirectory(root)
  try {
    await access(root, constants.R_OK | constants.W_OK)
  } catch (error) {
    const fresh = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return [
      fresh
        ? { level: 'note', text: `${root} does not exist yet: it is made at the first start` }
        : { level: 'problem', text: `${root} cannot be read and written: ${(error as Error).message}` },
    ]
  }
  const findings: Finding[] = [{ level: 'ok', text: `data directory ${root}` }]
  const { bavail, bsize } = await statfs(root)
  const free = bavail * bsize
  const freeText = `${Math.round(free / 1024 / 1024)} MiB free on its disk`
  findings.push({ level: free < LOW_DISK ? 'problem' : 'ok', text: freeText })
  try {
    const key = await readKeyFile(directory.identityKey, 'identity')
    findings.push(
      key
        ? { level: 'ok', text: 'identity key' }
        : { level: 'problem', text: `no identity key at ${directory.identityKey}` },
    )
  } catch (error) {
    findings.push({ level: 'problem', text: (error as Error).message })
  }
  return findings
}

async function checkNode(root: string): Promise<Finding[]> {
  let node: NodeStatus
  try {
    node = await (await ControlClient.connect(dataDirectory(root).control, root)).get<NodeStatus>('status')
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return [{ level: error.code === 'not-running' ? 'note' : 'problem', text: error.message }]
  }
  return [
    { level: 'ok', text: `node runs as ${node.user_id}, client API at ${node.client_api}` },
    node.servers > 0
      ? { level: 'ok', text: `${node.servers} Starling nodes connected (${node.peers} peers)` }
      : {
          level: 'note',
          text: `no other Starling node connected (${node.peers} peers): friends on this network appear by themselves`,
        },
    node.multiaddrs.length > 0
      ? { level: 'ok', text: `reachable at ${node.multiaddrs.length} addresses` }
      : { level: 'problem', text: 'no libp2p address: nobody can connect to this node (see --p2p-listen)' },
  ]
}
