import { authStateOf } from '../auth/auth-state.ts'
import { selectAuthEvents } from '../auth/select-auth-events.ts'
import { referenceHash } from '../crypto/event-hashes.ts'
import type { Signer } from '../crypto/sign-json.ts'
import { depthAfter } from '../dag/depth-after.ts'
import { makePdu } from '../events/make-pdu.ts'
import type { Pdu } from '../events/pdu.ts'
import { encodeBase64 } from '../ids/base64.ts'
import type { EventId, KeyId, RoomId, UserId } from '../ids/branded.ts'
import { serverOf } from '../ids/id-parts.ts'
import type { JsonObject } from '../json/value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { roomVersionRules } from '../rooms/versions.ts'
import { type StateMap, type StateSlot, stateSlot } from '../state/state-map.ts'
import { sodiumCrypto } from './sodium-crypto.ts'

export interface TestDraft {
  readonly type: string
  readonly sender: UserId
  readonly stateKey?: string
  readonly content?: JsonObject
  readonly redacts?: EventId
  /** Default: the last event added. */
  readonly prev?: readonly Pdu[]
  /** Default: selected from `on`. */
  readonly auth?: readonly Pdu[]
  /** State to select auth events from. Default: the running state. */
  readonly on?: StateMap
  /** Milliseconds; by default one more than the last. */
  readonly ts?: number
  readonly roomId?: RoomId
  /** Default: one more than the deepest of `prev`. */
  readonly depth?: number
}

/**
 * A room for tests: each `add` makes a properly hashed and signed event and, if it is a state event, enters it into the running
 * state. Nothing is authorised.
 */
export class TestRoom {
  readonly rules: RoomVersionRules
  readonly events = new Map<EventId, Pdu>()
  state = new Map<StateSlot, EventId>()
  roomId: RoomId | undefined
  #last: Pdu | undefined
  #ts = 1_700_000_000_000

  constructor(version = '12') {
    const rules = roomVersionRules(version)
    if (!rules) throw new Error(`no room version ${version}`)
    this.rules = rules
    if (rules.roomId === 'domain') this.roomId = '!room:a.test' as RoomId
  }

  /** Makes the event without entering it anywhere. */
  make(draft: TestDraft): Pdu {
    const prev = draft.prev ?? (this.#last ? [this.#last] : [])
    const subject = { type: draft.type, sender: draft.sender, stateKey: draft.stateKey, content: draft.content ?? {} }
    const roomId = draft.roomId ?? this.roomId
    const referenceHashes = this.#referenceHashes()
    const made = makePdu(
      {
        ...subject,
        roomId,
        prevEvents: prev.map((pdu) => pdu.eventId),
        authEvents:
          draft.auth?.map((pdu) => pdu.eventId) ?? selectAuthEvents(subject, draft.on ?? this.state, this.rules),
        depth: draft.depth ?? depthAfter(prev),
        originServerTs: draft.ts ?? ++this.#ts,
        ...(draft.redacts === undefined ? {} : { redacts: draft.redacts }),
        ...(referenceHashes === undefined ? {} : { referenceHashes }),
      },
      signerOf(draft.sender),
      this.rules,
      sodiumCrypto,
    )
    if (!made.ok) throw new Error(`${made.code}: ${made.reason}`)
    return made.pdu
  }

  /** What the references of versions 1 and 2 want: the reference hash of every event so far. */
  #referenceHashes(): ReadonlyMap<EventId, string> | undefined {
    if (this.rules.eventReferences !== 'pairs') return undefined
    const hashOf = (pdu: Pdu): string => encodeBase64(referenceHash(pdu.json, this.rules, sodiumCrypto.sha256))
    return new Map([...this.events.values()].map((pdu) => [pdu.eventId, hashOf(pdu)]))
  }

  add(draft: TestDraft): Pdu {
    const pdu = this.make(draft)
    this.events.set(pdu.eventId, pdu)
    this.roomId ??= pdu.roomId
    if (pdu.stateKey !== undefined) this.state.set(stateSlot(pdu.type, pdu.stateKey), pdu.eventId)
    this.#last = pdu
    return pdu
  }

  create(sender: UserId, content: JsonObject = {}): Pdu {
    const creator = this.rules.auth.creator === 'content' ? { creator: sender } : {}
    const room_version = this.rules.version
    return this.add({ type: 'm.room.create', sender, stateKey: '', content: { room_version, ...creator, ...content } })
  }

  member(sender: UserId, membership: string, target: UserId = sender, content: JsonObject = {}): Pdu {
    return this.add({ type: 'm.room.member', sender, stateKey: target, content: { membership, ...content } })
  }

  joinRules(sender: UserId, rule: string): Pdu {
    return this.add({ type: 'm.room.join_rules', sender, stateKey: '', content: { join_rule: rule } })
  }

  powerLevels(sender: UserId, content: JsonObject): Pdu {
    return this.add({ type: 'm.room.power_levels', sender, stateKey: '', content })
  }

  /** The running state, or another, as the authorisation rules read it. */
  authState(state: StateMap = this.state) {
    return authStateOf([...state.values()].flatMap((id) => this.events.get(id) ?? []))
  }

  /** A copy of the running state with these events entered. */
  stateWith(...pdus: readonly Pdu[]): Map<StateSlot, EventId> {
    const state = new Map(this.state)
    for (const pdu of pdus) state.set(stateSlot(pdu.type, pdu.stateKey ?? ''), pdu.eventId)
    return state
  }
}

export function userId(localpart: string, server = 'a.test'): UserId {
  return `@${localpart}:${server}` as UserId
}

/** A key of its own for each server, from the server's name. */
export function signerOf(user: UserId): Signer {
  const server = serverOf(user)
  return { server, keyId: 'ed25519:1' as KeyId, seed: sodiumCrypto.sha256(new TextEncoder().encode(server)) }
}

export function publicKeyText(signer: Signer): string {
  return encodeBase64(sodiumCrypto.ed25519.publicKey(signer.seed))
}
