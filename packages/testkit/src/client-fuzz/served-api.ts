import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMatrixApi, LOOPBACK_HOSTS, type MatrixApi, serverOptions, tuneServer } from '@starling/matrix-api'
import { DEFAULT_ROOM_VERSION, type Logger, SUPPORTED_VERSIONS, type UserId } from '@starling/protocol'
import type { FuzzHost } from '../fuzz/fuzz-host.ts'
import { FILE_ID, FuzzNode } from '../fuzz/fuzz-node.ts'
import { trustingCrypto } from '../fuzz/quick-crypto.ts'
import { VirtualTime } from '../fuzz/virtual-time.ts'
import { testRandomBytes } from '../test-surroundings.ts'
import type { Person } from './cast.ts'
import { type Plant, withPlants } from './plants.ts'

export interface ServedApiOptions {
  readonly seed: number
  readonly logger: Logger
  readonly plants: readonly Plant[]
}

/** What the server holds on to. */
export interface Census {
  readonly connections: number
  /** Uploads under way, and open files of the media store. */
  readonly files: number
}

/** What a fuzzer starts from. */
export interface Stage {
  readonly port: number
  readonly serverName: string
  /** A server that can be asked, a room and a file that it has. */
  readonly elsewhere: string
  readonly roomElsewhere: string
  readonly fileElsewhere: string
  /** `host:port` of pages that may be previewed. */
  readonly site: string
}

/** Virtual time that a request takes: sessions, caches and waits come to their ends within a run. */
const MS_PER_REQUEST = 250
/** Where requests wait for something that only time brings, it passes faster. Real and virtual milliseconds. */
const STUCK_MS = 25
const STUCK_STEP_MS = 1_000

/** A connection that does not let itself be closed is counted as left over, and not waited for. */
const CLOSE_MS = 2_000

/** The client API as `packages/node` wires it, over rooms, exchange and net in memory, with another server beside it. */
export class ServedApi {
  readonly #api: MatrixApi
  readonly #server: Server
  readonly #site: Server
  readonly #nodes: readonly FuzzNode[]
  readonly #mediaDirectory: string
  readonly #time: VirtualTime
  readonly #pulse: NodeJS.Timeout
  readonly stage: Stage

  private constructor(
    parts: { api: MatrixApi; nodes: readonly FuzzNode[]; mediaDirectory: string; time: VirtualTime },
    servers: { server: Server; site: Server },
    stage: Stage,
  ) {
    this.#api = parts.api
    this.#nodes = parts.nodes
    this.#mediaDirectory = parts.mediaDirectory
    this.#time = parts.time
    this.#server = servers.server
    this.#site = servers.site
    this.stage = stage
    this.#pulse = this.#keepTimeMoving()
  }

  static async start({ seed, logger, plants }: ServedApiOptions): Promise<ServedApi> {
    const time = new VirtualTime(Date.UTC(2026, 10, 21))
    const world = new Map<FuzzHost['peerId'], FuzzHost>()
    const count = () => undefined
    const here = await FuzzNode.start({ name: 'here', world, time, seed, logger, count })
    const there = await FuzzNode.start({ name: 'there', world, time, seed: seed + 1, logger: SILENT, count })
    here.host.connect(there.host)
    const mediaDirectory = await mkdtemp(join(tmpdir(), 'starling-client-fuzz-'))
    const api = apiOver(here, { seed, time, logger, mediaDirectory })
    await api.start()
    const site = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(PAGE))
    const server = createServer(serverOptions, withPlants(plants, api.app, logger))
    tuneServer(server)
    const stage: Stage = {
      port: await listening(server),
      serverName: here.serverName,
      elsewhere: there.serverName,
      roomElsewhere: await there.createRoom(DEFAULT_ROOM_VERSION),
      fileElsewhere: FILE_ID,
      site: `site.example:${await listening(site)}`,
    }
    return new ServedApi({ api, nodes: [here, there], mediaDirectory, time }, { server, site }, stage)
  }

  /** Whoever it is, with a new session; made if there is none. The first of all owns the node. */
  async person(localpart: string): Promise<Person> {
    const { accounts } = this.#api
    const owner = await accounts.ensureOwner('owner')
    const userId = localpart === 'owner' ? owner : await accounts.create(localpart, undefined)
    const { deviceId, accessToken } = await this.#api.issueToken(userId, 'fuzzer')
    return { userId, deviceId, token: accessToken }
  }

  /** Another session of somebody who is still there. */
  async sessionOf(userId: string): Promise<Person | undefined> {
    const { accounts } = this.#api
    const id = userId as UserId
    if (!(await accounts.isPerson(id)) || (await accounts.standing(id)).locked) return undefined
    const { deviceId, accessToken } = await this.#api.issueToken(id, 'aftermath')
    return { userId, deviceId, token: accessToken }
  }

  async census(): Promise<Census> {
    const connections = await new Promise<number>((resolve, reject) =>
      this.#server.getConnections((error, number) => (error ? reject(error) : resolve(number))),
    )
    const unfinished = await readdir(join(this.#mediaDirectory, 'incoming'))
    return { connections, files: unfinished.length + (await this.#openFiles()) }
  }

  async stop(): Promise<void> {
    clearInterval(this.#pulse)
    this.#server.closeAllConnections()
    this.#site.closeAllConnections()
    const closed = [this.#server, this.#site].map((server) => new Promise((resolve) => server.close(resolve)))
    await Promise.race([Promise.all(closed), sleep(CLOSE_MS)])
    await this.#api.stop()
    for (const node of this.#nodes) await node.stop()
    await rm(this.#mediaDirectory, { recursive: true, force: true })
  }

  /** Open files below the media folder; 0 where the system does not tell. */
  async #openFiles(): Promise<number> {
    if (process.platform !== 'linux') return 0
    const links = await Promise.allSettled(
      (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`)),
    )
    return links.filter((link) => link.status === 'fulfilled' && link.value.startsWith(this.#mediaDirectory)).length
  }

  #keepTimeMoving(): NodeJS.Timeout {
    let underWay = 0
    let lastChange = performance.now()
    this.#server.prependListener('request', (_request, response) => {
      underWay += 1
      lastChange = performance.now()
      this.#time.advance(MS_PER_REQUEST)
      response.once('close', () => {
        underWay -= 1
        lastChange = performance.now()
      })
    })
    return setInterval(() => {
      if (underWay > 0 && performance.now() - lastChange > STUCK_MS) this.#time.advance(STUCK_STEP_MS)
    }, STUCK_MS)
  }
}

const PAGE =
  '<html><head><title>Pangolins</title><meta property="og:title" content="Pangolins"></head><body>Scales</body></html>'

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => SILENT,
}

interface Surroundings {
  readonly seed: number
  readonly time: VirtualTime
  readonly logger: Logger
  readonly mediaDirectory: string
}

function apiOver(node: FuzzNode, { seed, time, logger, mediaDirectory }: Surroundings): MatrixApi {
  const { engine, reader, positions } = node.rooms
  return createMatrixApi(
    {
      ...{ store: node.store, clock: time, logger, randomBytes: testRandomBytes(seed + 2), positions, reader },
      // Signatures are not what is fuzzed: all hold, so that what is signed gets further in.
      ed25519: trustingCrypto.ed25519,
      rooms: {
        defaultVersion: DEFAULT_ROOM_VERSION,
        versions: SUPPORTED_VERSIONS,
        create: (creation) => engine.create(creation),
        send: (draft, options) => engine.send(draft, options),
        changeMembership: node.exchange.changeMembership,
        forget: (roomId, userId) => engine.forget(roomId, userId),
      },
      ephemeral: node.net.ephemeral,
      outbound: node.net.outbound,
      remote: node.net.remoteServers,
      userSearch: node.net.userSearch,
    },
    {
      ...{ serverName: node.serverName, mediaDirectory, rateLimits: false, allowedHosts: LOOPBACK_HOSTS },
      registration: { mode: 'open' },
      mediaLimits: { maxBytes: 1024 * 1024 },
      voip: {
        turn: { uris: ['turn:turn.example.org'], lifeS: 3_600, credentials: { kind: 'secret', secret: 'shared' } },
        rtcTransports: [],
      },
      urlPreviews: true,
      previewing: {
        resolve: async (name) => [{ address: name === 'site.example' ? '127.0.0.1' : '10.0.0.1', family: 4 }],
        isPublic: (address) => address === '127.0.0.1',
      },
      pushing: { sendToGateway: async () => ({ kind: 'taken', rejected: [] }) },
      trustedOrigins: () => ['http://127.0.0.1:8009'],
    },
  )
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
