import { mkdir } from 'node:fs/promises'
import { enableCompileCache } from 'node:module'
import { dataDirectory } from '../../store/data-directory.ts'
import { CliError } from '../cli-error.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { printWelcome, progressBar } from '../terminal.ts'
import { boundYoungGeneration } from '../young-generation.ts'

/** A clean stop ends within 5 s (DESIGN section 7); what hangs is cut off a little before. Milliseconds. */
const STOP_LIMIT_MS = 4_500

export const start: Command = {
  name: 'start',
  usage: 'start',
  help: 'run the node (the default)',
  async run(config, args) {
    if (args.length > 0) throw new CliError('usage', `start: takes no words, only flags (got "${args.join(' ')}")`)
    const stopping = stopSignal()
    boundYoungGeneration()
    await keepCompiled(config.dataDir)
    // Loaded here and not with the table of commands: it brings all of libp2p, which no other command needs.
    const { StarlingNode } = await import('../../starling-node.ts')
    const node = await StarlingNode.start(config, { onElementProgress: progressBar() })
    printWelcome(node.info())
    const signal = await stopping
    console.log(`stopping (${signal})`)
    const finished = await Promise.race([node.stop().then(() => true), after(STOP_LIMIT_MS)])
    if (!finished) console.error('starling: some connections did not close in time; everything acknowledged is on disk')
    return EXIT.stopped
  },
}

/**
 * Has Node keep what it compiles, types stripped, for the next start. In the data directory, which is the owner's alone: Node's
 * default is in the shared temporary directory. Only speeds things up, so what fails here is left to those who need the directory.
 */
async function keepCompiled(dataDir: string): Promise<void> {
  const { root, compiled } = dataDirectory(dataDir)
  const made = await mkdir(root, { recursive: true, mode: 0o700 }).then(
    () => true,
    () => false,
  )
  if (made) enableCompileCache(compiled)
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
  })
}

function after(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms).unref())
}
