/**
 * @packageDocumentation
 * What tests share. Never imported by anything that runs outside tests and benches.
 */
export * from './contracts/key-value-store-contract.ts'
export * from './contracts/transport-contract.ts'
export * from './eventually.ts'
export * from './memory-store.ts'
export * from './memory-transport.ts'
export * from './memory-transport-error.ts'
export * from './memory-transport-host.ts'
export * from './test-crypto.ts'
export * from './test-surroundings.ts'
