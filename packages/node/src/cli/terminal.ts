import type { Progress } from '@starling/element-host'
import type { NodeInfo } from '../control/node-info.ts'

const BAR_WIDTH = 30

/** Characters of the server name that make a display name somebody's own: enough among people who know each other. */
const SUFFIX_LENGTH = 7

/** What a person needs once the node serves: where to click, who they are, how a friend finds them. */
export function printWelcome(info: NodeInfo): void {
  console.log('')
  console.log('Starling is running.')
  console.log('')
  if (info.element) console.log(`  Open this in your browser  ${info.element}`)
  console.log(`  For any Matrix client      ${info.client_api}`)
  console.log(`  You are                    ${info.user_id}`)
  console.log(`  Friends find you as        your name:${info.server_name.slice(-SUFFIX_LENGTH)}`)
  for (const address of info.multiaddrs) console.log(`  Reachable at               ${address}`)
  console.log('')
  console.log('Stop with Ctrl-C.')
}

/** A progress bar for the one fetch of Element Web; without a terminal it prints nothing. */
export function progressBar(): (progress: Progress) => void {
  let shown = -1
  return ({ received, total }) => {
    if (!process.stdout.isTTY || total === undefined) return
    const percent = Math.floor((received / total) * 100)
    if (percent === shown) return
    shown = percent
    const filled = Math.round((percent / 100) * BAR_WIDTH)
    const bar = '█'.repeat(filled).padEnd(BAR_WIDTH, '░')
    process.stdout.write(`\rElement Web ${bar} ${percent}%${percent === 100 ? '\n' : ''}`)
  }
}
