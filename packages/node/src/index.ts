/**
 * @packageDocumentation
 * The Starling node: composition root, CLI, config, libp2p host, LevelDB driver.
 *
 * ```ts
 * const { config } = loadConfig(['--data-dir', './data', '--listen', '127.0.0.1:0'], {})
 * await using node = await StarlingNode.start(config)
 * console.log(node.info().client_api)
 * ```
 */
export { loadConfig } from './config/load-config.ts'
export type { Config } from './config/options.ts'
export type { NodeInfo } from './control/node-info.ts'
export { nodeCrypto, randomBytes } from './crypto/sodium-crypto.ts'
export { createLibp2pHost, type Libp2pHost } from './libp2p/host.ts'
export { StarlingNode, type StartOptions } from './starling-node.ts'
export { LevelStore } from './store/level-store.ts'
