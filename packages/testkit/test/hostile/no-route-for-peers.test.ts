import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, suite, test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import type { RequestError } from '@starling/federation'
import type { ServerName } from '@starling/protocol'
import { OwnerClient, StarlingProcess } from '@starling/testkit'
import { OpenNode } from '../../src/hostile/open-node.ts'
import { StockStranger } from '../../src/hostile/stock-stranger.ts'
import { countedBy, HERMIT_FLAGS } from './private-room.ts'

/**
 * Bad input 31 on a whole node over real libp2p: what a peer says reaches no HTTP route, neither of the node nor of anything else
 * on its machine. A bystander listens on loopback and is never called on.
 */
const REQUESTS = '/starling/request/1'

/** How long a probe listens to a stream that the node keeps open, in milliseconds. */
const LISTEN_MS = 1_000

const NEVER_ROWS = [
  '/_matrix/client/versions',
  '/_matrix/client/v3/sync',
  '/_matrix/client/v3/account/whoami?access_token=TOKEN',
  '/_matrix/client/v3/login',
  '/_matrix/media/v3/config',
  '/_starling/v1/node',
  '/_starling/v1/control/token',
  '/_matrix/federation/v1/../../client/versions',
  '/_matrix/federation/v1/%2e%2e/%2e%2e/client/versions',
  '/_matrix/federation/v1/event/..%2f..%2fclient%2fversions%2fx/y',
  '//127.0.0.1:PORT/',
  '/http://127.0.0.1:PORT/',
  '/http:%2f%2f127.0.0.1:PORT%2f',
  '/@127.0.0.1:PORT/',
] as const

suite('bad input 31: what a peer says reaches no HTTP route', () => {
  const things = new AsyncDisposableStack()
  let node: StarlingProcess
  let token: string
  let stranger: OpenNode
  let server: ServerName
  let stock: StockStranger
  let protocols: readonly string[]
  let bystander: Bystander

  before(async () => {
    node = things.use(await StarlingProcess.start({ flags: HERMIT_FLAGS }))
    token = node.ownerSession().accessToken
    stranger = things.use(await OpenNode.start())
    server = await stranger.meet(node.info.multiaddrs)
    stock = things.use(await StockStranger.start())
    protocols = await stock.meet(node.info.multiaddrs)
    bystander = things.use(await Bystander.start())
  })
  after(() => things.disposeAsync())

  const ports = () => [Number(new URL(node.info.client_api).port), bystander.port]
  const http = (path: string) =>
    Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: ${new URL(node.info.client_api).host}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    )

  test('bad input 31: signed requests for client paths and for addresses find no row', async () => {
    const before = (await countedBy(node))['request_refused M_UNRECOGNIZED'] ?? 0
    const uris = NEVER_ROWS.flatMap((uri) =>
      ports().map((port) => uri.replace('PORT', `${port}`).replace('TOKEN', token)),
    )
    for (const uri of uris) {
      for (const method of ['GET', 'POST'] as const) {
        await assert.rejects(stranger.ask(server, method, uri), (error: RequestError) => {
          assert.deepEqual([error.code, error.errcode], ['refused', 'M_UNRECOGNIZED'], uri)
          return true
        })
      }
    }
    const after = (await countedBy(node))['request_refused M_UNRECOGNIZED'] ?? 0
    assert.equal(after - before, 2 * uris.length, 'each was seen and refused by the table')
  })

  test('bad input 31: a URI with a scheme and a host is no request at all', async () => {
    for (const port of ports()) {
      const uri = `http://127.0.0.1:${port}/_matrix/client/versions`
      await assert.rejects(stranger.ask(server, 'GET', uri), { code: 'unreachable' })
    }
    assert.ok(((await countedBy(node))['request_dropped malformed'] ?? 0) >= 2)
  })

  test('bad input 31: HTTP over every protocol that the node speaks, and over others, is answered with no HTTP', async () => {
    assert.ok(protocols.includes(REQUESTS), protocols.join(' '))
    const foreign = ['/http/1.1', '/libp2p-http', '/x/http', '/p2p-http-proxy/1', '/x/kubo/portforward']
    const outcomes = await Promise.all(
      [...protocols, ...foreign].map(async (protocol) => {
        const { opened, bytes } = await stock.probe(
          node.info.peer_id,
          protocol,
          http('/_matrix/client/versions'),
          LISTEN_MS,
        )
        assert.deepEqual(httpIn(bytes), [], protocol)
        return { protocol, opened }
      }),
    )
    const opened = outcomes.filter((outcome) => outcome.opened).map(({ protocol }) => protocol)
    assert.ok(opened.includes(REQUESTS))
    assert.deepEqual(
      opened.filter((protocol) => foreign.includes(protocol)),
      [],
    )
  })

  test('bad input 31: HTTP to the libp2p port itself is answered with no HTTP', async () => {
    const { host, port } = tcpOf(node.info.multiaddrs[0] ?? '')
    assert.deepEqual(httpIn(await rawExchange(host, port, http('/_matrix/client/versions'))), [])
  })

  test('nobody called on the bystander, and the node still serves its clients', async () => {
    assert.equal(bystander.calls, 0)
    const client = new OwnerClient({ baseUrl: node.info.client_api, accessToken: token })
    assert.equal((await client.ok('GET', 'account/whoami')).user_id, node.info.user_id)
  })

  test('twin: the same bytes to the client port, and over a peer that passes streams on to it, are answered', async () => {
    const { hostname, port } = new URL(node.info.client_api)
    const direct = await rawExchange(hostname, Number(port), http('/_matrix/client/versions'))
    assert.deepEqual(httpIn(direct), ['HTTP/1.1 200', '"versions"'])

    await using proxy = await StockStranger.start()
    await proxy.passOn('/x/http', hostname, Number(port))
    await stock.meet(proxy.node.getMultiaddrs().map(String))
    const peer = proxy.node.peerId.toString()
    const { bytes } = await stock.probe(peer, '/x/http', http('/_matrix/client/versions'), LISTEN_MS)
    assert.deepEqual(httpIn(bytes), ['HTTP/1.1 200', '"versions"'])
  })
})

/** Signs of an HTTP answer, and of the client API's. What only echoes the request (ping) has none. */
function httpIn(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString('latin1')
  return [/HTTP\/1\.1 \d{3}/, /"versions"/].flatMap((sign) => sign.exec(text)?.[0] ?? [])
}

function tcpOf(address: string): { readonly host: string; readonly port: number } {
  const parts = new Map(
    multiaddr(address)
      .getComponents()
      .map(({ name, value }) => [name, value]),
  )
  return { host: parts.get('ip4') ?? '', port: Number(parts.get('tcp')) }
}

/** Sends the bytes over TCP and reads what comes until the end or for a while. */
async function rawExchange(host: string, port: number, bytes: Uint8Array): Promise<Uint8Array> {
  const socket = connect(port, host)
  const chunks: Buffer[] = []
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.once('close', () => resolve())
    socket.once('error', () => resolve())
    setTimeout(resolve, LISTEN_MS).unref()
    socket.write(bytes)
  })
  socket.destroy()
  return Buffer.concat(chunks)
}

/** A program on this machine that wants nothing to do with it. */
class Bystander implements AsyncDisposable {
  calls = 0
  readonly #server: Server

  private constructor() {
    this.#server = createServer((_request, response) => response.end('{}'))
    this.#server.on('connection', () => {
      this.calls += 1
    })
  }

  static async start(): Promise<Bystander> {
    const bystander = new Bystander()
    await new Promise<void>((resolve) => bystander.#server.listen(0, '127.0.0.1', resolve))
    return bystander
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
