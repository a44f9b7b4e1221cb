import { access } from 'node:fs/promises'
import type { RandomBytes } from '@starling/protocol'
import type { DataDirectory } from '../store/data-directory.ts'
import { IdentityError } from './identity-error.ts'
import { createKeyFile, readKeyFile } from './key-file.ts'

/** The two long-lived secrets of a node (DESIGN section 2). Seeds of 32 bytes. */
export interface NodeKeys {
  /** Names the server; losing it is losing the address, for good. */
  readonly identity: Uint8Array
  /** The libp2p PeerId. */
  readonly transport: Uint8Array
}

/**
 * Reads both keys, or makes them in a data directory that has never been used.
 * @throws IdentityError `missing` where data exist but the identity key does not: a new identity is never made silently.
 */
export async function loadNodeKeys(directory: DataDirectory, randomBytes: RandomBytes): Promise<NodeKeys> {
  const identity = await readKeyFile(directory.identityKey, 'identity')
  if (!identity && (await exists(directory.database))) {
    throw new IdentityError(
      'missing',
      `${directory.identityKey} is missing, but ${directory.root} holds data of an identity. Put the key file back ` +
        'from a backup, or choose another --data-dir to begin anew; a new identity is never made in its place.',
    )
  }
  const transport = await readKeyFile(directory.transportKey, 'transport')
  return {
    // Identity last: a crash between the two leaves a directory that still counts as never used.
    transport: transport ?? (await createKeyFile(directory.transportKey, 'transport', randomBytes)),
    identity: identity ?? (await createKeyFile(directory.identityKey, 'identity', randomBytes)),
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
