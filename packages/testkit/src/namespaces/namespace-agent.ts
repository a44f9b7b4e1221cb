/** Runs in a namespace for `Namespace.forward`: makes connections that come by a Unix socket to a TCP port in there. */
import { connect, createServer } from 'node:net'
import { serveNamespaceProcess } from './namespace-process.ts'

serveNamespaceProcess({
  async forward({ path, host, port }: { path: string; host: string; port: number }): Promise<void> {
    const server = createServer((socket) => {
      const target = connect({ host, port })
      socket.pipe(target).pipe(socket)
      socket.on('error', () => target.destroy())
      target.on('error', () => socket.destroy())
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen(path, resolve)
    await promise
  },
})
