import { createElementApp, ElementHost, PINNED_RELEASE, type Progress } from '@starling/element-host'
import { LOOPBACK_HOSTS, serverOptions, tuneServer } from '@starling/matrix-api'
import type { Logger } from '@starling/protocol'
import type { Config } from '../config/options.ts'
import { isLoopback, type Listener, startListener } from '../http/listener.ts'

export interface ElementParts {
  readonly config: Config
  readonly cacheDir: string
  readonly serverName: string
  readonly clientApi: Listener
  readonly logger: Logger
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** Element Web on its own listener, or undefined where it is off. Getting it goes on in the background. */
export async function startElement(
  parts: ElementParts,
): Promise<(Listener & { readonly host: ElementHost }) | undefined> {
  const { config, serverName, clientApi, logger, onProgress } = parts
  const address = config.elementListen
  if (address === 'off') return undefined
  const host = new ElementHost({
    cacheDir: parts.cacheDir,
    release: PINNED_RELEASE,
    source: config.elementDir,
    logger,
    ...(onProgress && { onProgress }),
  })
  const app = createElementApp({
    state: () => host.state,
    serverName,
    clientApiFor: (hostHeader) => clientApiUrl(config, clientApi, hostHeader),
    allowedHosts: isLoopback(address.host) ? LOOPBACK_HOSTS : undefined,
  })
  const listener = await startListener(address, app, { options: serverOptions, tune: tuneServer })
  host.start()
  const stop = async (): Promise<void> => {
    await host.stop()
    await listener.stop()
  }
  return { ...listener, host, stop, [Symbol.asyncDispose]: stop }
}

/** On loopback the bound address; beyond it the name by which the browser came, since that is the one it can reach. */
function clientApiUrl(config: Config, clientApi: Listener, hostHeader: string | undefined): string {
  const name = hostHeader?.replace(/:\d*$/, '')
  return isLoopback(config.listen.host) || !name ? clientApi.url : `http://${name}:${clientApi.port}`
}
