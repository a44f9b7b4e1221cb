import type { CheckedPdu } from '@starling/federation'
import type { EventId, RoomId, UserId } from '@starling/protocol'
import type { LocalRooms } from './local-rooms.ts'

/**
 * Lets a user of another server into a room, and carries single events between the two: no network, no anti-entropy, so that a
 * test decides what has arrived where. The servers must share a key directory.
 */
export async function joinFromAway(home: LocalRooms, away: LocalRooms, roomId: RoomId, userId: UserId): Promise<void> {
  const version = await home.open.engine.roomVersion(roomId)
  if (version === undefined) throw new Error('the room is not there')
  const state = [...(await home.open.engine.currentState(roomId)).values()]
  const chain = await home.open.engine.authChain(state)
  const draft = { roomId, sender: userId, type: 'm.room.member', stateKey: userId, content: { membership: 'join' } }
  const event = away.open.engine.finish(await home.open.engine.template(draft), version)
  await requireAccepted(home, event)
  const verdict = await away.open.engine.importRoom({
    roomId,
    roomVersion: version,
    state: await checkedAt(home, away, state),
    authChain: await checkedAt(home, away, [...chain]),
    event,
  })
  if (verdict.kind !== 'accepted') throw new Error(`import: ${JSON.stringify(verdict)}`)
}

/** Hands events of one server to another, in the order given; answers what became of each. */
export async function carry(from: LocalRooms, to: LocalRooms, eventIds: readonly EventId[]): Promise<string[]> {
  const verdicts: string[] = []
  for (const event of await checkedAt(from, to, eventIds)) {
    verdicts.push((await to.open.engine.receive(event)).kind)
  }
  return verdicts
}

async function requireAccepted(server: LocalRooms, event: CheckedPdu): Promise<void> {
  const verdict = await server.open.engine.receive(event)
  if (verdict.kind !== 'accepted') throw new Error(`join: ${JSON.stringify(verdict)}`)
}

async function checkedAt(from: LocalRooms, to: LocalRooms, eventIds: readonly EventId[]): Promise<CheckedPdu[]> {
  const stored = await from.open.engine.events(eventIds)
  const checked: CheckedPdu[] = []
  for (const eventId of eventIds) {
    const event = stored.get(eventId)
    if (!event) throw new Error(`no such event: ${eventId}`)
    const result = await to.open.engine.check(event.pdu.json, event.roomVersion)
    if (!result.ok) throw new Error(`check: ${result.code} ${result.reason}`)
    checked.push(result.checked)
  }
  return checked
}
