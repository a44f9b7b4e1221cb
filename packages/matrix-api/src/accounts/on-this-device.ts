import type { IncomingMessage } from 'node:http'

/** Headers that a reverse proxy adds: behind one, everybody comes from loopback. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'] as const

/**
 * True for a request from a program on this machine that was not passed on by a proxy. Whoever is here is taken for the
 * owner: the data directory would tell them as much. A proxy that adds none of these headers has to be told to.
 */
export function isOnThisDevice(request: IncomingMessage): boolean {
  if (PROXY_HEADERS.some((name) => request.headers[name] !== undefined)) return false
  const address = request.socket.remoteAddress ?? ''
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}
