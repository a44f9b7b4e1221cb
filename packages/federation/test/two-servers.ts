import type { EventId, RoomId, UserId } from '@starling/protocol'
import type { FakeKeyDirectory } from '@starling/testkit'
import { RoomServer } from './room-server.ts'

export interface TwoServers {
  readonly a: RoomServer
  readonly b: RoomServer
  readonly keys: FakeKeyDirectory
  /** Creator of the room, on `a`. */
  readonly alice: UserId
  /** Joined from `b`, without power. */
  readonly bob: UserId
  readonly roomId: RoomId
  readonly version: string
  /** Bob's join: the extremity on both servers. */
  readonly joinId: EventId
}

/** A public room of alice on one server that bob of the other has joined; both know the same of it. */
export async function twoServers(version = '12'): Promise<TwoServers> {
  const keys: FakeKeyDirectory = new Map()
  const a = await RoomServer.open('alpha.test', { keys })
  const b = await RoomServer.open('beta.test', { keys })
  const [alice, bob] = [a.user('alice'), b.user('bob')]
  const roomId = await a.createRoom(alice, version)
  const joinId = await b.joinVia(a, roomId, bob)
  return { a, b, keys, alice, bob, roomId, version, joinId }
}
