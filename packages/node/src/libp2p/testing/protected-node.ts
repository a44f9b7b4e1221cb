import { identify } from '@libp2p/identify'
import type { ConnectionProtector } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { lpStream } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'

const MAX_BYTES = 64 * 1024 * 1024
const TIMEOUT_MS = 20_000

/** For tests of the protector: a plain libp2p node behind it, which echoes one frame per stream. */
export async function openProtectedNode(
  protector: (() => ConnectionProtector) | undefined,
): Promise<Libp2p & AsyncDisposable> {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionMonitor: { enabled: false },
    connectionManager: { inboundUpgradeTimeout: 2000 },
    services: { identify: identify() },
    ...(protector && { connectionProtector: protector }),
  })
  await node.handle('/echo', async (stream) => {
    const frames = lpStream(stream, { maxDataLength: MAX_BYTES, maxBufferSize: MAX_BYTES })
    await frames.write(await frames.read())
    await stream.close()
  })
  return Object.assign(node, { [Symbol.asyncDispose]: async () => node.stop() })
}

/** What comes back for these bytes. */
export async function echo(from: Libp2p, to: Libp2p, bytes: Uint8Array): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const stream = await from.dialProtocol(to.getMultiaddrs(), '/echo', { signal })
  const frames = lpStream(stream, { maxDataLength: MAX_BYTES, maxBufferSize: MAX_BYTES })
  await frames.write(bytes, { signal })
  const answer = await frames.read({ signal })
  await stream.close()
  return answer.subarray()
}
