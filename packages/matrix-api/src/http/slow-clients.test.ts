import assert from 'node:assert/strict'
import { createServer, type RequestListener, type ServerOptions } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { CONNECTION_LIMITS, type ConnectionLimits } from './connection-limits.ts'
import { type Patience, serverOptions, tuneServer } from './server-options.ts'

const UNLIMITED: ConnectionLimits = { requests: 2 ** 30, perAddress: 2 ** 30, readingBytes: 0, readingMs: 10 }
const UNDEFENDED: Patience = { idleMs: 0, lingerMs: 2 ** 30, limits: UNLIMITED }

/** A server with the node's settings, its patience cut down so that a test need not wait for it. */
async function startServer(listener: RequestListener, defended: boolean, patience?: Patience) {
  const impatient: ServerOptions = { headersTimeout: 100, connectionsCheckingInterval: 20 }
  const server = createServer(
    { ...serverOptions, ...(defended ? impatient : { headersTimeout: 0, connectionsCheckingInterval: 20 }) },
    listener,
  )
  tuneServer(server, defended ? (patience ?? { idleMs: 200, lingerMs: 100 }) : UNDEFENDED)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sockets: Socket[] = []
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>()
  // Seen from the server: a client that reads nothing does not learn of the end either.
  server.once('connection', (socket) => socket.once('close', onClosed))
  return {
    closed,
    open(text: string, from = '127.0.0.1'): Socket {
      const { port } = server.address() as AddressInfo
      const socket = connect({ port, host: '127.0.0.1', localAddress: from })
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
async function onlyDefendedCloses(
  listener: RequestListener,
  text: string,
  prepare: (socket: Socket) => void,
  patience?: Patience,
) {
  await using defended = await startServer(listener, true, patience)
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

test('bad input 83: a reader that takes a 50 MB answer in drops is timed out', async () => {
  const answer: RequestListener = (_request, response) => {
    response.end(Buffer.alloc(50 * 1024 * 1024))
  }
  const sip = (socket: Socket) => {
    socket.pause()
    const timer = setInterval(() => socket.read(100), 10)
    socket.once('close', () => clearInterval(timer))
  }
  // Never idle: it is the pace alone that is looked at.
  const patience = { idleMs: 0, limits: { ...UNLIMITED, readingBytes: 1_000_000, readingMs: 100 } }
  await onlyDefendedCloses(answer, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', sip, patience)
})

test('bad input 21: one connection cannot hold any number of long-polls', async () => {
  const request = 'GET /sync HTTP/1.1\r\nHost: x\r\n\r\n'
  const hold: RequestListener = () => undefined
  const many = request.repeat(CONNECTION_LIMITS.requests + 1)
  await onlyDefendedCloses(hold, many, () => undefined, { idleMs: 0, limits: CONNECTION_LIMITS })
  await using honest = await startServer((_request, response) => response.end('answer'), true)
  const socket = honest.open(request.repeat(CONNECTION_LIMITS.requests))
  let answers = 0
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      answers += chunk.toString().split('HTTP/1.1 200').length - 1
      if (answers === CONNECTION_LIMITS.requests) resolve()
    })
  })
})

test('one address beyond this device has a bounded number of connections', async () => {
  const limits = { ...UNLIMITED, perAddress: 3 }
  await using server = await startServer((_request, response) => response.end('answer'), true, { idleMs: 0, limits })
  const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
  const answered = (from: string) =>
    new Promise<boolean>((resolve) => {
      const socket = server.open(request, from)
      socket.once('data', () => resolve(true)).once('close', () => resolve(false))
    })
  // To this server 127.0.0.2 is another host.
  for (const expected of [true, true, true, false, false]) assert.equal(await answered('127.0.0.2'), expected)
  assert.equal(await answered('127.0.0.3'), true, 'others are served')
  for (let n = 0; n < 5; n++)
    assert.equal(await answered('127.0.0.1'), true, 'the twin: no limit for what is on this device')
})
