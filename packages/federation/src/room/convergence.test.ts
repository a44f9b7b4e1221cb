import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, JsonObject } from '@starling/protocol'
import fc from 'fast-check'
import type { RoomServer } from '../../test/room-server.ts'
import { twoServers } from '../../test/two-servers.ts'

type Step =
  | { readonly do: 'send'; readonly by: number; readonly kind: number; readonly n: number }
  | { readonly do: 'deliver'; readonly to: number; readonly pick: number; readonly keep: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('send' as const), by: fc.nat(2), kind: fc.nat(4), n: fc.nat(3) }),
  fc.record({ do: fc.constant('deliver' as const), to: fc.nat(1), pick: fc.nat(), keep: fc.boolean() }),
)

test('bad input 72: reordered and repeated events end in the same extremities, state and events on both servers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const { a, b, alice, bob, roomId, version } = await twoServers()
      const servers: readonly RoomServer[] = [a, b]
      const actors = [
        { server: 0, user: alice },
        { server: 1, user: bob },
        { server: 1, user: b.user('carol') },
      ]
      const inbox: { readonly id: EventId; readonly json: JsonObject }[][] = [[], []]
      const send = async ({ by, kind, n }: Extract<Step, { do: 'send' }>) => {
        const { server: home, user } = actors[by] ?? assert.fail()
        const server = servers[home] ?? assert.fail()
        const joined = (await server.reader.membership(roomId, user))?.membership === 'join'
        let id: EventId
        server.clock.advance(n)
        if (!joined) id = await server.setMembership(roomId, user, user, 'join')
        else if (kind === 0) id = await server.setState(roomId, user, 'm.room.name', '', { name: `${user} ${n}` })
        else if (kind === 1 && user !== alice && user !== bob) {
          id = await server.setMembership(roomId, user, user, 'leave')
        } else id = await server.message(roomId, user, `${user} ${n}`)
        inbox[1 - home]?.push({ id, json: (await server.pdu(id)).json })
      }
      const deliver = async (to: number, pick: number, keep: boolean) => {
        const box = inbox[to] ?? assert.fail()
        if (box.length === 0) return
        const index = pick % box.length
        const event = box[index] ?? assert.fail()
        const verdict = await (servers[to] ?? assert.fail()).receive(event.json, version)
        assert.notEqual(verdict.kind, 'rejected')
        assert.notEqual(verdict.kind, 'refused')
        if (verdict.kind !== 'waiting' && !keep) box.splice(index, 1)
      }
      for (const one of steps) {
        if (one.do === 'send') await send(one)
        else await deliver(one.to, one.pick, one.keep)
      }
      for (const to of [0, 1]) {
        // From the newest down, so that most of what is left comes out of order once more.
        for (let pick = 1_000; (inbox[to]?.length ?? 0) > 0; pick--) await deliver(to, pick, false)
      }

      assert.deepEqual(
        new Set(await a.engine.forwardExtremities(roomId)),
        new Set(await b.engine.forwardExtremities(roomId)),
      )
      assert.deepEqual(await a.stateOf(roomId), await b.stateOf(roomId))
      assert.deepEqual((await a.bodies(roomId)).sort(), (await b.bodies(roomId)).sort())
      assert.deepEqual(await a.reader.memberCounts(roomId), await b.reader.memberCounts(roomId))
      assert.deepEqual(await a.engine.joinedServers(roomId), await b.engine.joinedServers(roomId))
    }),
    { numRuns: 40 },
  )
})
