import { join } from 'node:path'

/** Where things lie in the data directory. Paths are absolute. */
export interface DataDirectory {
  readonly root: string
  /** Rooms, accounts, keys: LevelDB. */
  readonly database: string
  /** Peers that the libp2p host remembers: LevelDB. Losing it costs a few look-ups. */
  readonly peers: string
  readonly media: string
  readonly element: string
  /** What Node has compiled, for a faster start. Made anew where it is missing or from another version. */
  readonly compiled: string
  readonly identityKey: string
  readonly transportKey: string
  /** How the subcommands reach the running node. Mode 0600; there only while it runs. */
  readonly control: string
}

export function dataDirectory(root: string): DataDirectory {
  return {
    root,
    database: join(root, 'database'),
    peers: join(root, 'peers'),
    media: join(root, 'media'),
    element: join(root, 'element'),
    compiled: join(root, 'compiled'),
    identityKey: join(root, 'identity.key'),
    transportKey: join(root, 'transport.key'),
    control: join(root, 'control.json'),
  }
}
