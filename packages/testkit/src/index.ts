/**
 * @packageDocumentation
 * What tests share. Never imported by anything that runs outside tests and benches.
 */
export { SdkClient } from './clients/sdk-client.ts'
export type * from './clients/sdk-types.ts'
export * from './contracts/key-value-store-contract.ts'
export * from './contracts/transport-contract.ts'
export * from './eventually.ts'
export * from './fake-key-ring.ts'
export * from './local-rooms.ts'
export * from './memory-store.ts'
export * from './memory-transport.ts'
export * from './memory-transport-error.ts'
export * from './memory-transport-host.ts'
export * from './namespaces/availability.ts'
export * from './namespaces/internet.ts'
export * from './namespaces/lan.ts'
export * from './namespaces/namespace.ts'
export * from './namespaces/namespace-process.ts'
export { AgentProcess, serveAgent } from './processes/json-lines.ts'
export { PRIVATE_FLAGS, StarlingProcess, type StarlingProcessOptions } from './processes/starling-process.ts'
export * from './test-crypto.ts'
export * from './test-surroundings.ts'
