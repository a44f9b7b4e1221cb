import { accountRows } from './rows/accounts.ts'
import { encryptionRows } from './rows/encryption.ts'
import { roomRows } from './rows/rooms.ts'
import { userRows } from './rows/users.ts'

/** One for each operation of the contract. */
export const ROWS = [...accountRows, ...userRows, ...roomRows, ...encryptionRows]
