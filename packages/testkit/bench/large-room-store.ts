import { randomBytes as nodeRandomBytes } from 'node:crypto'
import { openNetKeys, type PeerId } from '@starling/federation'
import { nodeCrypto } from '@starling/node'
import {
  type EventId,
  eventTemplate,
  type JsonObject,
  type RoomId,
  type RoomVersionRules,
  redact,
  roomVersionRules,
  selectAuthEvents,
  type UserId,
  withHashes,
} from '@starling/protocol'
import { MemoryStore } from '@starling/testkit'
import { groundOf, openStoppedNode } from './stopped-node.ts'

const VERSION = '12'
/** Servers that the members are on. */
const SERVERS = 50
/** Joins taken in before their outcome is waited for. */
const AT_ONCE = 500

/**
 * Fills the store of a node that is stopped with a public room of that many members, of fifty other servers with keys and signatures
 * of their own: each join is checked, judged and stored as if it had come by gossip.
 */
export async function fillLargeRoom(dataDir: string, owner: UserId, peerId: string, members: number): Promise<RoomId> {
  await using node = await openStoppedNode(dataDir, peerId)
  const { engine, keyRing } = node
  const roomId = await engine.create({
    creator: owner,
    roomVersion: VERSION,
    creationContent: {},
    events: [
      { type: 'm.room.power_levels', stateKey: '', content: { users: {} } },
      { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } },
      { type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: 'shared' } },
    ],
  })
  const authors = await Promise.all(Array.from({ length: SERVERS }, author))
  for (const { keys } of authors) await keyRing.admit(keys.ownServerKeys())
  const rules = roomVersionRules(VERSION) as RoomVersionRules
  const state = await engine.currentState(roomId)
  let prevEvents: readonly EventId[] = await engine.forwardExtremities(roomId)
  for (let start = 0; start < members; start += AT_ONCE) {
    const verdicts = []
    for (let n = start; n < Math.min(members, start + AT_ONCE); n++) {
      const { keys } = authors[n % SERVERS] as Author
      const json = joinOf(`@member-${n}:${keys.serverName}` as UserId, roomId, { n, prevEvents, state, rules }, keys)
      const checked = await engine.check(json, VERSION)
      if (!checked.ok) throw new Error(checked.reason)
      prevEvents = [checked.checked.pdu.eventId]
      verdicts.push(engine.receive(checked.checked))
    }
    for (const verdict of await Promise.all(verdicts)) if (verdict.kind !== 'accepted') throw new Error(verdict.kind)
  }
  return roomId
}

interface Author {
  readonly keys: Awaited<ReturnType<typeof openNetKeys>>['keyRing']
}

async function author(): Promise<Author> {
  const { keyRing } = await openNetKeys(groundOf(new MemoryStore()), nodeRandomBytes(32), 'a-peer' as PeerId)
  return { keys: keyRing }
}

function joinOf(
  userId: UserId,
  roomId: RoomId,
  at: {
    readonly n: number
    readonly prevEvents: readonly EventId[]
    readonly state: Parameters<typeof selectAuthEvents>[1]
    readonly rules: RoomVersionRules
  },
  keys: Author['keys'],
): JsonObject {
  const { n, prevEvents, state, rules } = at
  const subject = { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } }
  const content = { membership: 'join', displayname: `Member ${n}` }
  const authEvents = selectAuthEvents(subject, state, rules)
  const draft = { ...subject, content, roomId, prevEvents, authEvents, depth: n + 10, originServerTs: Date.now() }
  const hashed = withHashes(eventTemplate(draft, rules), rules, nodeCrypto.sha256)
  return { ...hashed, signatures: keys.sign(redact(hashed, rules)).signatures as JsonObject }
}
