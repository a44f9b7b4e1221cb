import { createHash } from 'node:crypto'
import { type KeyId, type ServerName, type Signer, serverOf, type UserId } from '@starling/protocol'

/** Who acts in a grown room: the creator, and others of three servers. */
export const PEOPLE = ['@alice:a.test', '@bob:b.test', '@carol:c.test', '@dave:b.test', '@erin:c.test'] as UserId[]
export const [ALICE, BOB, CAROL] = PEOPLE as [UserId, UserId, UserId]

/** Joined from the start and never anybody's target: its server is one that can be shown the whole room. */
export const WATCHER = '@watcher:watch.test' as UserId

export function personAt(index: number): UserId {
  return PEOPLE[index % PEOPLE.length] ?? ALICE
}

/** The key of a user's server, derived from its name exactly as `FakeKeyRing` derives it. */
export function signerFor(user: UserId): Signer {
  return signerOfServer(serverOf(user))
}

export function signerOfServer(server: ServerName): Signer {
  const seed = new Uint8Array(createHash('sha256').update(server).digest())
  return { server, keyId: 'ed25519:test' as KeyId, seed }
}
