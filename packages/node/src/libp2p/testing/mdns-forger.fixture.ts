/** In a namespace: answers mDNS with whatever a test wants, and counts the TCP connections that come of it. */
import { createServer } from 'node:net'
import { serveNamespaceProcess } from '@starling/testkit'
import multicastDns from 'multicast-dns'

let knocks = 0
const server = createServer((socket) => {
  knocks++
  socket.destroy()
})
const listening = Promise.withResolvers<void>()
server.listen(0, '0.0.0.0', listening.resolve)

serveNamespaceProcess({
  async port(): Promise<number> {
    await listening.promise
    return (server.address() as { port: number }).port
  },
  forge({ own, tag, texts }: { own: string; tag: string; texts: string[] }): void {
    const dns = multicastDns({ interface: own, bind: '0.0.0.0' })
    const name = `forger.${tag}`
    const answer = () =>
      dns.respond([
        { name: tag, type: 'PTR', ttl: 120, data: name },
        ...texts.map((data) => ({ name, type: 'TXT' as const, ttl: 120, data })),
      ])
    dns.on('ready', answer)
    dns.on('query', answer)
  },
  knocks: () => knocks,
})
