/** Runs inside a namespace, for the tests of the tooling. */
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { serveNamespaceProcess } from './namespace-process.ts'

const REACH_TIMEOUT_MS = 1500

serveNamespaceProcess({
  arguments: () => process.argv.slice(2),
  /** Serves HTTP on that address of the namespace; returns the port. */
  async serve({ host }: { host: string }): Promise<number> {
    const server = createServer((_request, response) => response.end('from inside'))
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, host, resolve)
    await promise
    const address = server.address()
    return typeof address === 'object' && address ? address.port : 0
  },
  /** Whether a TCP connection can be made. */
  async reaches({ host, port }: { host: string; port: number }): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const socket = connect({ host, port, timeout: REACH_TIMEOUT_MS }, () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('timeout', () => resolve(false))
    const reached = await promise
    socket.destroy()
    return reached
  },
})
