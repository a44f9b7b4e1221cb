/** A process that only imports what the node imports: the floor for memory and start-up time. */
import '@starling/node'

process.stdout.write(`${JSON.stringify({ ready: true })}\n`)
setInterval(() => undefined, 60_000)
