/** `node packages/matrix-api/test/contract/write-operations.ts`: writes docs/OPERATIONS.md anew. */
import { writeFileSync } from 'node:fs'
import { OPERATIONS_FILE, operationsTable } from './operations-table.ts'

writeFileSync(OPERATIONS_FILE, operationsTable())
