import type { Transport } from '../ports.ts'
import { ServerKeyRing } from './identity/key-ring.ts'
import { OwnIdentity } from './identity/own-identity.ts'
import { PeerBindings } from './identity/peer-bindings.ts'
import type { Ground } from './ports.ts'

/** Who this node is and whom it knows: what the room engine needs before anything is sent. */
export interface NetKeys {
  readonly identity: OwnIdentity
  readonly bindings: PeerBindings
  readonly keyRing: ServerKeyRing
}

/**
 * Opens the keys in a store: reads or makes the signing key, rotates it where that is due, publishes `server_keys`.
 * `identitySeed`: the 32-byte Ed25519 seed that names the server.
 */
export async function openNetKeys(
  ground: Ground,
  identitySeed: Uint8Array,
  peerId: Transport['peerId'],
): Promise<NetKeys> {
  const identity = await OwnIdentity.open(ground, identitySeed, peerId)
  const bindings = new PeerBindings(ground.clock)
  return { identity, bindings, keyRing: new ServerKeyRing(ground, identity, bindings) }
}
