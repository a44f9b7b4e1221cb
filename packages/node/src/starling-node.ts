import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import type { Progress } from '@starling/element-host'
import { type Ground, processTimers } from '@starling/federation'
import { type MatrixApi, serverOptions, tuneServer } from '@starling/matrix-api'
import type { Clock, UserId } from '@starling/protocol'
import express, { type Router } from 'express'
import { createClientApi, requirePasswordBeyondLoopback } from './compose/client-api.ts'
import { Counters } from './compose/counters.ts'
import { startElement } from './compose/element.ts'
import { type OpenFederation, openFederation } from './compose/federation.ts'
import { showJoins } from './compose/join-status.ts'
import { lateLocalUsers } from './compose/late-local-users.ts'
import { lateRoomDirectory } from './compose/late-room-directory.ts'
import { nodeControl } from './compose/node-control.ts'
import type { Config } from './config/options.ts'
import { retentionLimits } from './config/retention-limits.ts'
import { writeJsonFile } from './control/atomic-json-file.ts'
import { controlRoutes } from './control/control-routes.ts'
import type { NodeInfo } from './control/node-info.ts'
import { nodeCrypto, randomBytes } from './crypto/sodium-crypto.ts'
import { type Listener, startListener } from './http/listener.ts'
import { loadNodeKeys } from './identity/node-keys.ts'
import { createLibp2pHost, type Libp2pHost } from './libp2p/host.ts'
import { createLogger } from './logging/logger.ts'
import { dataDirectory } from './store/data-directory.ts'
import { LevelStore } from './store/level-store.ts'

/** The localpart of the account that a node makes for its owner at its first start. */
const OWNER_LOCALPART = 'p2p'

const CONTROL_TOKEN_BYTES = 32

const OWN_ROUTES = '/_starling/v1'

const clock: Clock = { now: () => Date.now() }

export interface StartOptions {
  readonly onElementProgress?: (progress: Progress) => void
}

/** A whole node: keys, store, libp2p host, federation, client API, Element Web, control. The one place that wires them. */
export class StarlingNode implements AsyncDisposable {
  readonly #info: NodeInfo
  readonly #parts: AsyncDisposableStack

  private constructor(info: NodeInfo, parts: AsyncDisposableStack) {
    this.#info = info
    this.#parts = parts
  }

  /**
   * Resolves once the node serves. What was started is stopped again, last first, where a later part fails.
   * @throws IdentityError, StoreError, SchemaError, ListenError, TransportError, ConfigError
   */
  static async start(config: Config, options: StartOptions = {}): Promise<StarlingNode> {
    await using parts = new AsyncDisposableStack()
    const logger = createLogger(config.logLevel)
    const directory = dataDirectory(config.dataDir)
    const keys = await loadNodeKeys(directory, randomBytes)
    const store = parts.use(await LevelStore.open(directory.database))
    const host = parts.use(await openHost(config, directory.peers, keys.transport, logger))

    const counters = new Counters(logger)
    const ground: Ground = {
      ...{ store, clock, timers: processTimers, randomBytes, logger },
      crypto: nodeCrypto,
      count: counters.count,
    }
    const { users, media } = lateLocalUsers(() => api)
    const rooms = lateRoomDirectory(() => api)
    const federation = parts.use(
      await openFederation({
        ...{ ground, identitySeed: keys.identity, host, users, media, ...rooms },
        retention: retentionLimits(config),
      }),
    )
    const origins: string[] = []
    const api: MatrixApi = createClientApi({
      ...{ config, store, clock, logger, federation },
      crypto: nodeCrypto,
      mediaDirectory: directory.media,
      trustedOrigins: () => origins,
    })
    const owner = await api.accounts.ensureOwner(OWNER_LOCALPART)
    await requirePasswordBeyondLoopback(api, config)
    await api.start()
    parts.defer(() => api.stop())
    parts.defer(showJoins(federation, api, logger))

    // Others may ask and answer before clients do: a client's first call can already reach its friends.
    await federation.start()
    // A relay for whoever has proven to be a Starling server; `relay-quota.ts` bounds what each gets.
    host.setRelayAdmission((peer) => federation.keys.keyRing.serverOfPeer(peer) !== undefined)
    await host.start()

    const token = Buffer.from(randomBytes(CONTROL_TOKEN_BYTES)).toString('base64url')
    const control = nodeControl({ info: () => info, api, owner, federation, host, counters })
    const handler = eitherOf(controlRoutes(control, token), api.app)
    const clientApi = parts.use(
      await startListener(config.listen, handler, { options: serverOptions, tune: tuneServer }),
    )
    const serverName = federation.keys.keyRing.serverName
    const elementParts = { config, cacheDir: directory.element, serverName, clientApi, logger }
    const element = await startElement({ ...elementParts, onProgress: options.onElementProgress })
    if (element) parts.use(element)
    origins.push(...originsOf(clientApi, element))

    const info = infoOf(federation, host, owner, clientApi, element)
    await writeJsonFile(directory.control, { pid: process.pid, url: clientApi.url, token })
    parts.defer(() => rm(directory.control, { force: true }))
    if (config.readyFile !== undefined) {
      const { readyFile } = config
      await writeJsonFile(readyFile, info)
      parts.defer(() => rm(readyFile, { force: true }))
    }
    return new StarlingNode(info, parts.move())
  }

  info(): NodeInfo {
    return this.#info
  }

  /** Last started, first stopped: listeners, peers, rooms, disk. Everything acknowledged is on disk before it resolves. */
  stop(): Promise<void> {
    return this.#parts.disposeAsync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/**
 * The node's own routes or the client API. Told apart here and not by mounting one express app in another, which changes the
 * prototypes of each request and response twice more: a tenth of the time that a send takes.
 */
function eitherOf(own: Router, clientApi: RequestListener): RequestListener {
  const ownApp = express().disable('x-powered-by').use(OWN_ROUTES, own)
  return (request, response) => (request.url?.startsWith(`${OWN_ROUTES}/`) ? ownApp : clientApi)(request, response)
}

function openHost(
  config: Config,
  datastoreDirectory: string,
  transportSeed: Uint8Array,
  logger: ReturnType<typeof createLogger>,
): Promise<Libp2pHost> {
  const { p2pListen, bootstrap, mdns, relays, networkSecret } = config
  return createLibp2pHost({
    ...{ transportSeed, datastoreDirectory, bootstrap, mdns, relays, logger, clock },
    ...(p2pListen && { listen: p2pListen }),
    ...(networkSecret !== undefined && { networkSecret }),
  })
}

/** Every way in which a browser on this device may name what this node serves. */
function originsOf(...listeners: readonly (Listener | undefined)[]): string[] {
  return listeners
    .filter((listener) => listener !== undefined)
    .flatMap(({ url, port }) => [url, `http://localhost:${port}`, `http://127.0.0.1:${port}`, `http://[::1]:${port}`])
}

function infoOf(
  federation: OpenFederation,
  host: Libp2pHost,
  owner: UserId,
  clientApi: Listener,
  element: Listener | undefined,
): NodeInfo {
  return {
    version: packageVersion(),
    pid: process.pid,
    server_name: federation.keys.keyRing.serverName,
    user_id: owner,
    peer_id: host.peerId,
    client_api: clientApi.url,
    element: element?.url ?? null,
    multiaddrs: host.transport.multiaddrs(),
  }
}

function packageVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
