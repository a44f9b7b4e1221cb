import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isIPv6 } from 'node:net'
import type { ListenAddress } from '../config/parsers.ts'
import { ListenError } from './listen-error.ts'

/** Requests under way get this long to end before their connections are cut, in milliseconds. */
const GRACE_MS = 1_000

/** A listening HTTP server. */
export interface Listener extends AsyncDisposable {
  /** As bound: `http://127.0.0.1:8008`. */
  readonly url: string
  readonly port: number
  /** Takes no new connections, lets requests end for a second, then cuts what is left (long-polls). */
  stop(): Promise<void>
}

/** Bounds of a server against slow or greedy clients. */
export interface ListenerLimits {
  readonly options: ServerOptions
  /** Sets what the options cannot (idle time, number of connections). */
  tune(server: Server): void
}

/** @throws ListenError naming the address and what to do. */
export async function startListener(
  address: ListenAddress,
  handler: RequestListener,
  limits: ListenerLimits,
): Promise<Listener> {
  const server = createServer(limits.options, handler)
  limits.tune(server)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new ListenError(address, error)))
    server.listen(address.port, address.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const stop = () => stopServer(server)
  return { url: urlOf(address.host, port), port, stop, [Symbol.asyncDispose]: stop }
}

export function urlOf(host: string, port: number): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(host)
}

function stopServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), GRACE_MS)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
