import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { addressGroup } from './address-group.ts'

export interface ConnectionLimits {
  /**
   * Requests under way on one connection. Browsers and clients send the next when the last is answered; who pipelines
   * long-polls would hold any number of them with a single connection.
   */
  readonly requests: number
  /** Connections of one address beyond this device, so that one host cannot take the place of all others. */
  readonly perAddress: number
  /** Who has had less than so many bytes of an answer that waits for them, since the last look, is not reading it. */
  readonly readingBytes: number
  /** Between two looks, in milliseconds. */
  readonly readingMs: number
}

/** A page of Element opens six connections, a household behind one address some dozens. Readers: 2 KiB/s, as uploads. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  ...{ requests: 32, perAddress: 256 },
  ...{ readingBytes: 120 * 1024, readingMs: 60_000 },
}

/** Programs of this device, and a reverse proxy on it, which stands for many. */
const OWN_ADDRESSES: ReadonlySet<string> = new Set(['127.0.0.1', '::1'])

/** Closes connections that hold more than their share. */
export function limitConnections(server: Server, limits: ConnectionLimits): void {
  const open = new Map<Socket, Held>()
  const byAddress = new Map<string, number>()
  server.on('connection', (socket) => {
    const group = addressGroup(socket.remoteAddress ?? 'unknown')
    const count = (byAddress.get(group) ?? 0) + 1
    byAddress.set(group, count)
    open.set(socket, { requests: 0, taken: 0, waiting: false })
    socket.once('close', () => {
      open.delete(socket)
      const left = (byAddress.get(group) ?? 1) - 1
      if (left > 0) byAddress.set(group, left)
      else byAddress.delete(group)
    })
    if (count > limits.perAddress && !OWN_ADDRESSES.has(group)) socket.destroy()
  })
  // Before the app gets to see it.
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const held = open.get(socket)
    if (!held) return
    held.requests += 1
    // One that is not finished ends with its connection.
    response.once('finish', () => {
      held.requests -= 1
    })
    if (held.requests > limits.requests) socket.destroy()
  })
  const timer = setInterval(() => dropSlowReaders(open, limits.readingBytes), limits.readingMs)
  timer.unref()
  server.once('close', () => clearInterval(timer))
}

interface Held {
  requests: number
  /** Bytes that had gone out at the last look. */
  taken: number
  /** Whether more waited to go out then. */
  waiting: boolean
}

/** Of an answer that is not read, all that is not yet sent is held in memory. */
function dropSlowReaders(open: ReadonlyMap<Socket, Held>, readingBytes: number): void {
  for (const [socket, held] of open) {
    const taken = socket.bytesWritten - socket.writableLength
    const waiting = socket.writableLength > 0
    if (waiting && held.waiting && taken - held.taken < readingBytes) socket.destroy()
    held.taken = taken
    held.waiting = waiting
  }
}
