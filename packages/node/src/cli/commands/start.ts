import { StarlingNode } from '../../starling-node.ts'
import { CliError } from '../cli-error.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { printWelcome, progressBar } from '../terminal.ts'

/** A clean stop ends within 5 s (DESIGN section 7); what hangs is cut off a little before. Milliseconds. */
const STOP_LIMIT_MS = 4_500

export const start: Command = {
  name: 'start',
  usage: 'start',
  help: 'run the node (the default)',
  async run(config, args) {
    if (args.length > 0) throw new CliError('usage', `start: takes no words, only flags (got "${args.join(' ')}")`)
    const stopping = stopSignal()
    const node = await StarlingNode.start(config, { onElementProgress: progressBar() })
    printWelcome(node.info())
    const signal = await stopping
    console.log(`stopping (${signal})`)
    const finished = await Promise.race([node.stop().then(() => true), after(STOP_LIMIT_MS)])
    if (!finished) console.error('starling: some connections did not close in time; everything acknowledged is on disk')
    return EXIT.stopped
  },
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
  })
}

function after(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms).unref())
}
