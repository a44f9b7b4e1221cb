import { keyValueStoreContract } from './contracts/key-value-store-contract.ts'
import { MemoryStore } from './memory-store.ts'

keyValueStoreContract('MemoryStore', async () => {
  const store = new MemoryStore()
  return { store, close: async () => undefined }
})
