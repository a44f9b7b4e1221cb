import assert from 'node:assert/strict'
import { createServer, type RequestListener, type ServerOptions } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { serverOptions, tuneServer } from './server-options.ts'

/** A server with the node's settings, its patience cut down so that a test need not wait for it. */
async function startServer(listener: RequestListener, defended: boolean) {
  const impatient: ServerOptions = { headersTimeout: 100, connectionsCheckingInterval: 20 }
  const server = createServer(
    { ...serverOptions, ...(defended ? impatient : { headersTimeout: 0, connectionsCheckingInterval: 20 }) },
    listener,
  )
  tuneServer(server, defended ? { idleMs: 200, lingerMs: 100 } : { idleMs: 0, lingerMs: 2 ** 30 })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sockets: Socket[] = []
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>()
  // Seen from the server: a client that reads nothing does not learn of the end either.
  server.once('connection', (socket) => socket.once('close', onClosed))
  return {
    closed,
    open(text: string): Socket {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(text)
      sockets.push(socket)
      return socket
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Opens the same connection to both; the defended one is closed, the other still open by then. */
async function onlyDefendedCloses(listener: RequestListener, text: string, prepare: (socket: Socket) => void) {
  await using defended = await startServer(listener, true)
  await using open = await startServer(listener, false)
  const twin = open.open(text)
  prepare(twin)
  let twinClosed = false
  open.closed.then(() => {
    twinClosed = true
  })
  const socket = defended.open(text)
  prepare(socket)
  await defended.closed
  assert.equal(twinClosed, false, 'without the limits the connection is held')
}

const drip = (line: string) => (socket: Socket) => {
  const timer = setInterval(() => socket.writable && socket.write(line), 10)
  socket.once('close', () => clearInterval(timer))
  socket.resume()
}

test('bad input 83: headers that never end are timed out', async () => {
  await onlyDefendedCloses(() => undefined, 'GET / HTTP/1.1\r\nHost: x\r\n', drip('X-More: x\r\n'))
})

test('bad input 83: a reader that never reads a 50 MB answer is timed out', async () => {
  const answer: RequestListener = (_request, response) => {
    response.end(Buffer.alloc(50 * 1024 * 1024))
  }
  await onlyDefendedCloses(answer, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', (socket) => socket.pause())
})

test('bad input 83: a body that nobody reads does not hold the connection after the answer', async () => {
  const answer: RequestListener = (_request, response) => {
    response.end('done')
  }
  await onlyDefendedCloses(answer, 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n', drip('x'))
})
