/**
 * @packageDocumentation
 * What tests share. Never imported by anything that runs outside tests and benches.
 */
export * from './contracts/key-value-store-contract.ts'
export * from './memory-store.ts'
