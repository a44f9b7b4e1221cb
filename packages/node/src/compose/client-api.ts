import { createMatrixApi, LOOPBACK_HOSTS, type MatrixApi, type Registration } from '@starling/matrix-api'
import {
  type Clock,
  type Crypto,
  DEFAULT_ROOM_VERSION,
  type KeyValueStore,
  type Logger,
  SUPPORTED_VERSIONS,
} from '@starling/protocol'
import { ConfigError } from '../config/config-error.ts'
import type { Config } from '../config/options.ts'
import { voipSettings } from '../config/voip-settings.ts'
import { randomBytes } from '../crypto/sodium-crypto.ts'
import { isLoopback } from '../http/listener.ts'
import type { OpenFederation } from './federation.ts'

const DAY_MS = 24 * 3600_000

export interface ClientApiParts {
  readonly config: Config
  readonly store: KeyValueStore
  readonly crypto: Crypto
  readonly clock: Clock
  readonly logger: Logger
  readonly mediaDirectory: string
  readonly federation: OpenFederation
  /** Origins that this node serves; known only once it listens. */
  readonly trustedOrigins: () => readonly string[]
}

/** The Client-Server API over the rooms of this node. */
export function createClientApi(parts: ClientApiParts): MatrixApi {
  const { config, store, crypto, clock, logger, federation } = parts
  const { rooms, net, exchange, keys } = federation
  const { engine, reader, positions } = rooms
  return createMatrixApi(
    {
      ...{ store, clock, logger, randomBytes, positions, reader },
      ed25519: crypto.ed25519,
      rooms: {
        defaultVersion: DEFAULT_ROOM_VERSION,
        versions: SUPPORTED_VERSIONS,
        create: (creation) => engine.create(creation),
        send: (draft, options) => engine.send(draft, options),
        changeMembership: exchange.changeMembership,
        forget: (roomId, userId) => engine.forget(roomId, userId),
      },
      ephemeral: net.ephemeral,
      outbound: net.outbound,
      remote: net.remoteServers,
      userSearch: net.userSearch,
    },
    {
      serverName: keys.keyRing.serverName,
      mediaDirectory: parts.mediaDirectory,
      registration: registrationOf(config),
      rateLimits: config.rateLimits,
      messageOfTheDay: config.messageOfTheDay,
      sessionIdleMs: config.sessionIdleDays === undefined ? undefined : config.sessionIdleDays * DAY_MS,
      pushGateways: config.pushGateways,
      voip: voipSettings(config),
      urlPreviews: config.urlPreviews,
      mediaLimits: mediaLimitsOf(config),
      // Beyond loopback the node has names that it cannot know; there the owner's password stands guard.
      allowedHosts: isLoopback(config.listen.host) ? LOOPBACK_HOSTS : undefined,
      trustedOrigins: parts.trustedOrigins,
    },
  )
}

/** @throws ConfigError where a listener beyond this device would stand open without a password. */
export async function requirePasswordBeyondLoopback(api: MatrixApi, config: Config): Promise<void> {
  if (isLoopback(config.listen.host) || (await api.accounts.anyPassword())) return
  throw new ConfigError([
    `--listen ${config.listen.host}:${config.listen.port} is reachable from other devices, and no account has a password yet: ` +
      'start once on 127.0.0.1, set a password in your client (Settings, Account), then listen beyond this device',
  ])
}

function registrationOf({ registration, registrationToken }: Config): Registration {
  if (registration === 'token') return { mode: 'token', token: registrationToken ?? '' }
  return { mode: registration }
}

/** What the owner has not set is left to the media store's own defaults. */
function mediaLimitsOf({ mediaMaxUpload, mediaQuota, mediaCache }: Config) {
  return {
    ...(mediaMaxUpload !== undefined && { maxBytes: mediaMaxUpload }),
    ...(mediaQuota !== undefined && { quotaBytes: mediaQuota }),
    ...(mediaCache !== undefined && { cacheBytes: mediaCache }),
  }
}
