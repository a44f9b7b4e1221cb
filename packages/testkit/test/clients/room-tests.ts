import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SdkInProcess } from '@starling/testkit'
import { EventType, JoinRule, RoomType } from 'matrix-js-sdk'
import { RoomHierarchy } from 'matrix-js-sdk/lib/room-hierarchy.js'
import type { SdkWorld } from './sdk-world.ts'

/** Rooms of rooms, and rooms at whose door one knocks. */
export function roomTests(world: SdkWorld): void {
  test('a space: made, filled, walked page by page; who may not see a room does not hear of it', async () => {
    const [ada, bob] = [await world.newcomer(), await world.newcomer()]
    const open = await createIn(ada, 'open to all', { preset: 'public_chat' })
    const closed = await createIn(ada, 'closed', { preset: 'private_chat' })
    const inner = await createSpace(ada, 'inner space')
    const deep = await createIn(ada, 'deep inside', { preset: 'public_chat' })
    const spaceId = await createSpace(ada, 'the space')
    for (const childId of [open, closed, inner]) await addChild(ada, spaceId, childId)
    await addChild(ada, inner, deep)

    assert.deepEqual(await walk(ada, spaceId), ['the space', 'open to all', 'closed', 'inner space', 'deep inside'])
    await bob.client.joinRoom(spaceId)
    await bob.untilMembership(spaceId, bob.userId, 'join')
    assert.equal(bob.room(spaceId).isSpaceRoom(), true)
    assert.deepEqual(await walk(bob, spaceId), ['the space', 'open to all', 'inner space', 'deep inside'])
    await ada.client.sendStateEvent(spaceId, EventType.SpaceChild, {} as never, inner)
    await bob.until(
      'the inner space is taken out',
      () => bob.stateContent(spaceId, 'm.space.child', inner)?.via === undefined,
    )
    assert.deepEqual(await walk(bob, spaceId), ['the space', 'open to all'])
  })

  test('a room that members of a space may join: a member enters, nobody else', async () => {
    const [ada, bob, carol] = [await world.newcomer(), await world.newcomer(), await world.newcomer()]
    const spaceId = await createSpace(ada, 'for members')
    const allow = [{ type: 'm.room_membership', room_id: spaceId }]
    const rules = { type: EventType.RoomJoinRules, state_key: '', content: { join_rule: JoinRule.Restricted, allow } }
    const roomId = await createIn(ada, 'members only', { preset: 'private_chat', initial_state: [rules] })
    await assert.rejects(carol.client.joinRoom(roomId), { errcode: 'M_FORBIDDEN' })
    await bob.client.joinRoom(spaceId)
    await bob.client.joinRoom(roomId)
    await ada.untilMembership(roomId, bob.userId, 'join')
  })

  test('knocking from another node: the room’s members see who and why; one is let in, one is refused', async () => {
    const ada = await world.newcomer()
    const [bob, eve] = [await world.stranger(), await world.stranger()]
    const door = { type: EventType.RoomJoinRules, state_key: '', content: { join_rule: JoinRule.Knock } }
    const roomId = await createIn(ada, 'behind a door', { preset: 'private_chat', initial_state: [door] })
    const viaServers = [world.nodes.one.info.server_name]

    for (const sdk of [bob, eve]) {
      await assert.rejects(sdk.client.joinRoom(roomId, { viaServers }), { errcode: 'M_FORBIDDEN' })
      await sdk.client.knockRoom(roomId, { viaServers, reason: `${sdk.userId} would like to come in` })
      await sdk.untilMembership(roomId, sdk.userId, 'knock')
      await ada.untilMembership(roomId, sdk.userId, 'knock')
      const knock = ada.stateContent(roomId, EventType.RoomMember, sdk.userId)
      assert.equal(knock?.reason, `${sdk.userId} would like to come in`)
    }
    assert.equal(bob.room(roomId).name, 'behind a door', 'whoever knocks sees what the door says')

    await ada.client.invite(roomId, bob.userId)
    await bob.accept(roomId)
    await ada.untilMembership(roomId, bob.userId, 'join')
    await ada.client.kick(roomId, eve.userId, 'not today')
    await eve.untilMembership(roomId, eve.userId, 'leave')
    assert.equal(eve.stateContent(roomId, EventType.RoomMember, eve.userId)?.reason, 'not today')
    await assert.rejects(eve.client.joinRoom(roomId, { viaServers }), { errcode: 'M_FORBIDDEN' })
  })
}

async function createIn({ client }: SdkInProcess, name: string, options: object): Promise<string> {
  return (await client.createRoom({ name, ...options } as object)).room_id
}

function createSpace(sdk: SdkInProcess, name: string): Promise<string> {
  return createIn(sdk, name, { preset: 'public_chat', creation_content: { type: RoomType.Space } })
}

async function addChild({ client }: SdkInProcess, spaceId: string, childId: string): Promise<void> {
  const via = [client.getDomain() ?? '']
  await client.sendStateEvent(spaceId, EventType.SpaceChild, { via, suggested: true }, childId)
}

/** The names of all rooms of the hierarchy as the SDK loads it, two to a page. */
async function walk(sdk: SdkInProcess, spaceId: string): Promise<(string | undefined)[]> {
  const space = await sdk.until('the space is there', () => sdk.client.getRoom(spaceId) ?? undefined)
  const hierarchy = new RoomHierarchy(space, 2)
  while (hierarchy.canLoadMore) await hierarchy.load()
  return hierarchy.rooms?.map(({ name }) => name) ?? []
}
