import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ed25519 } from '@starling/protocol'
import { createMatrixApi, type MatrixApi } from '../matrix-api.ts'
import type { MatrixApiOptions, MatrixApiPorts } from '../matrix-api-options.ts'
import { type ServedApp, serveApp, type TestBase, testBase } from './test-api.ts'
import { emptyPorts, partialPort } from './unused-ports.ts'

export interface WholeApi extends ServedApp, TestBase, AsyncDisposable {
  readonly api: MatrixApi
}

/** All sections as node wires them, over ports of a node that is in no room unless given others. */
export async function startWholeApi(
  portsOf: (base: TestBase) => Partial<MatrixApiPorts> | Promise<Partial<MatrixApiPorts>> = () => ({}),
  options: Partial<MatrixApiOptions> = {},
): Promise<WholeApi> {
  const base = testBase()
  const ports = await portsOf(base)
  const mediaDirectory = await mkdtemp(join(tmpdir(), 'starling-media-'))
  const api = createMatrixApi(
    { ...emptyPorts(), ...base, ed25519: partialPort<Ed25519>({}), ...ports },
    { serverName: base.serverName, mediaDirectory, rateLimits: false, ...options },
  )
  await api.start()
  const served = await serveApp(base, api.app)
  return {
    ...base,
    ...served,
    api,
    async [Symbol.asyncDispose]() {
      await served.close()
      await api.stop()
      await rm(mediaDirectory, { recursive: true, force: true })
    },
  }
}
