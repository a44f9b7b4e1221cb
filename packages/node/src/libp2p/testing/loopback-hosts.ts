import type { Logger } from '@starling/protocol'
import { createLibp2pHost, type Libp2pHost } from '../host.ts'
import type { Libp2pHostOptions } from '../libp2p-host-options.ts'

/** Drops what it is told. */
export const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => SILENT,
}

/** For tests: started hosts in this process that find nobody by themselves. */
export async function openLoopbackHosts(
  count: number,
  options: Partial<Libp2pHostOptions> = {},
): Promise<{ readonly hosts: readonly Libp2pHost[]; close(): Promise<void> }> {
  const hosts = await Promise.all(
    Array.from({ length: count }, () =>
      createLibp2pHost({
        listen: ['/ip4/127.0.0.1/tcp/0'],
        mdns: false,
        bootstrap: 'none',
        logger: SILENT,
        ...options,
      }),
    ),
  )
  await Promise.all(hosts.map((host) => host.start()))
  return {
    hosts,
    async close() {
      await Promise.all(hosts.map((host) => host.stop()))
    },
  }
}
