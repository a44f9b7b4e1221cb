import { operation, type Section } from '../operation.ts'

const V3 = '/_matrix/client/v3'
const V1 = '/_matrix/client/v1'

export const SYNC: Section = {
  title: 'Syncing',
  operations: [
    operation('sync', `GET ${V3}/sync`, async ({ ok, fails, room, say, alice, bob }) => {
      await say(alice, await room(), 'hello')
      const { next_batch: since } = await ok({ as: bob, query: { timeout: '0', set_presence: 'offline' } })
      await ok({ as: bob, query: { timeout: '0', since, full_state: 'true', use_state_after: 'true' } })
      await fails(400, 'M_INVALID_PARAM', { as: bob, query: { since: 'forged' } })
    }),
    operation('defineFilter', `POST ${V3}/user/{userId}/filter`, async ({ ok, fails, alice, bob }) => {
      const filter = { event_format: 'client', room: { timeline: { limit: 5, lazy_load_members: true } } }
      await ok({ as: bob, path: { userId: bob.userId }, body: filter })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { userId: alice.userId }, body: filter })
      await fails(400, 'M_BAD_JSON', { as: bob, path: { userId: bob.userId }, body: { room: 'all of them' } })
    }),
    operation('getFilter', `GET ${V3}/user/{userId}/filter/{filterId}`, async ({ ok, fails, other, bob }) => {
      const path = { userId: bob.userId }
      const { filter_id: filterId } = await other('defineFilter', {
        as: bob,
        path,
        body: { event_fields: ['content'] },
      })
      await ok({ as: bob, path: { ...path, filterId } })
      await fails(404, 'M_NOT_FOUND', { as: bob, path: { ...path, filterId: '999' } })
    }),
    operation('getEvents', `GET ${V3}/events`, async ({ ok, fails, room, say, alice, bob }) => {
      await say(alice, await room(), 'hello')
      const { end } = await ok({ as: bob, query: { timeout: '0' } })
      await ok({ as: bob, query: { timeout: '0', from: end } })
      await fails(400, 'M_INVALID_PARAM', { as: bob, query: { from: 'forged', timeout: '0' } })
    }),
    operation('peekEvents', `GET ${V3}/events`, async ({ ok, fails, api, alice, person, nobodys }) => {
      const roomId = await api.createRoom(alice, {
        initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }],
      })
      const stranger = await person()
      await ok({ as: stranger, query: { room_id: roomId, timeout: '0' } })
      await fails(403, 'M_FORBIDDEN', { as: stranger, query: { room_id: nobodys.room, timeout: '0' } })
    }),
    operation('initialSync', `GET ${V3}/initialSync`, async ({ ok, fails, room, say, alice, bob }) => {
      await say(alice, await room(), 'hello')
      await ok({ as: bob, query: { limit: '5' } })
      await fails(400, 'M_INVALID_PARAM', { as: bob, query: { limit: 'many' } })
    }),
    operation('getOneEvent', `GET ${V3}/events/{eventId}`, async ({ ok, fails, room, say, alice, bob, nobodys }) => {
      const eventId = await say(alice, await room(), 'hello')
      await ok({ as: bob, path: { eventId } })
      await fails(404, 'M_NOT_FOUND', { as: bob, path: { eventId: nobodys.event } })
    }),
  ],
}

export const READING: Section = {
  title: 'Getting events for a room',
  operations: [
    operation(
      'getOneRoomEvent',
      `GET ${V3}/rooms/{roomId}/event/{eventId}`,
      async ({ ok, fails, room, say, bob, alice, nobodys }) => {
        const roomId = await room()
        const eventId = await say(alice, roomId, 'hello')
        await ok({ as: bob, path: { roomId, eventId } })
        await fails(404, 'M_NOT_FOUND', { as: bob, path: { roomId, eventId: nobodys.event } })
      },
    ),
    operation(
      'getRoomStateWithKey',
      `GET ${V3}/rooms/{roomId}/state/{eventType}/{stateKey}`,
      async ({ ok, fails, room, bob }) => {
        const path = { roomId: await room({ name: 'Named' }), eventType: 'm.room.name', stateKey: '' }
        await ok({ as: bob, path })
        await ok({ as: bob, path, query: { format: 'event' } })
        await fails(404, 'M_NOT_FOUND', { as: bob, path: { ...path, eventType: 'org.example.none' } })
      },
    ),
    operation('getRoomState', `GET ${V3}/rooms/{roomId}/state`, async ({ ok, fails, room, bob, nobodys }) => {
      await ok({ as: bob, path: { roomId: await room() } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { roomId: nobodys.room } })
    }),
    operation('getMembersByRoom', `GET ${V3}/rooms/{roomId}/members`, async ({ ok, fails, room, bob, nobodys }) => {
      await ok({ as: bob, path: { roomId: await room() }, query: { membership: 'join' } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { roomId: nobodys.room } })
    }),
    operation(
      'getJoinedMembersByRoom',
      `GET ${V3}/rooms/{roomId}/joined_members`,
      async ({ ok, fails, room, bob, nobodys }) => {
        await ok({ as: bob, path: { roomId: await room() } })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { roomId: nobodys.room } })
      },
    ),
    operation(
      'getRoomEvents',
      `GET ${V3}/rooms/{roomId}/messages`,
      async ({ ok, fails, room, say, alice, bob, nobodys }) => {
        const roomId = await room()
        await say(alice, roomId, 'hello')
        const { end } = await ok({ as: bob, path: { roomId }, query: { dir: 'b', limit: '2' } })
        await ok({ as: bob, path: { roomId }, query: { dir: 'f', from: end } })
        await fails(400, 'M_MISSING_PARAM', { as: bob, path: { roomId } })
        await fails(400, 'M_INVALID_PARAM', { as: bob, path: { roomId }, query: { dir: 'b', from: 'forged' } })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { roomId: nobodys.room }, query: { dir: 'b' } })
      },
    ),
    operation('roomInitialSync', `GET ${V3}/rooms/{roomId}/initialSync`, async ({ ok, fails, room, bob, nobodys }) => {
      await ok({ as: bob, path: { roomId: await room() } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { roomId: nobodys.room } })
    }),
    operation(
      'getEventByTimestamp',
      `GET ${V1}/rooms/{roomId}/timestamp_to_event`,
      async ({ ok, fails, room, bob }) => {
        const path = { roomId: await room() }
        await ok({ as: bob, path, query: { ts: '0', dir: 'f' } })
        await fails(404, 'M_NOT_FOUND', { as: bob, path, query: { ts: '0', dir: 'b' } })
        await fails(400, 'M_MISSING_PARAM', { as: bob, path, query: { dir: 'b' } })
      },
    ),
    operation(
      'getEventContext',
      `GET ${V3}/rooms/{roomId}/context/{eventId}`,
      async ({ ok, fails, room, say, alice, bob, nobodys }) => {
        const roomId = await room()
        const eventId = await say(alice, roomId, 'hello')
        await ok({ as: bob, path: { roomId, eventId }, query: { limit: '3' } })
        await fails(404, 'M_NOT_FOUND', { as: bob, path: { roomId, eventId: nobodys.event } })
      },
    ),
  ],
}

export const SENDING: Section = {
  title: 'Sending events to a room',
  operations: [
    operation(
      'setRoomStateWithKey',
      `PUT ${V3}/rooms/{roomId}/state/{eventType}/{stateKey}`,
      async ({ ok, fails, room, alice, bob }) => {
        const path = { roomId: await room(), eventType: 'm.room.topic', stateKey: '' }
        await ok({ as: alice, path, body: { topic: 'Weather' } })
        await fails(403, 'M_FORBIDDEN', { as: bob, path, body: { topic: 'Mine' } })
        await fails(400, 'M_BAD_JSON', { as: alice, path, raw: '{"topic": 1.5}' })
      },
    ),
    operation(
      'sendMessage',
      `PUT ${V3}/rooms/{roomId}/send/{eventType}/{txnId}`,
      async ({ ok, fails, room, bob, nobodys }) => {
        const path = { roomId: await room(), eventType: 'm.room.message', txnId: 'once' }
        const body = { msgtype: 'm.text', body: 'hello' }
        await ok({ as: bob, path, body })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { ...path, roomId: nobodys.room }, body })
        await fails(413, 'M_TOO_LARGE', {
          as: bob,
          path: { ...path, txnId: 'large' },
          body: { ...body, more: 'x'.repeat(66_000) },
        })
      },
    ),
    operation(
      'redactEvent',
      `PUT ${V3}/rooms/{roomId}/redact/{eventId}/{txnId}`,
      async ({ ok, fails, room, say, alice, bob }) => {
        const roomId = await room()
        const path = { roomId, txnId: 'once' }
        await ok({ as: bob, path: { ...path, eventId: await say(bob, roomId, 'oops') }, body: { reason: 'Typo' } })
        const others = await say(alice, roomId, 'mine')
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { ...path, txnId: 'two', eventId: others }, body: {} })
      },
    ),
  ],
}

const relation = (eventId: string) => ({ 'm.relates_to': { rel_type: 'm.thread', event_id: eventId } })

export const RELATIONS: Section = {
  title: 'Relationships between events and threads',
  operations: [
    ...(
      [
        ['getRelatingEvents', '', {}],
        ['getRelatingEventsWithRelType', '/{relType}', { relType: 'm.thread' }],
        [
          'getRelatingEventsWithRelTypeAndEventType',
          '/{relType}/{eventType}',
          { relType: 'm.thread', eventType: 'm.room.message' },
        ],
      ] as const
    ).map(([id, more, kinds]) =>
      operation(
        id,
        `GET ${V1}/rooms/{roomId}/relations/{eventId}${more}`,
        async ({ ok, fails, room, say, alice, bob, nobodys }) => {
          const roomId = await room()
          const eventId = await say(alice, roomId, 'root')
          await say(bob, roomId, { msgtype: 'm.text', body: 'reply', ...relation(eventId) })
          await ok({ as: bob, path: { roomId, eventId, ...kinds }, query: { limit: '5', dir: 'b' } })
          await fails(404, 'M_NOT_FOUND', { as: bob, path: { roomId, eventId: nobodys.event, ...kinds } })
        },
      ),
    ),
    operation(
      'getThreadRoots',
      `GET ${V1}/rooms/{roomId}/threads`,
      async ({ ok, fails, room, say, alice, bob, nobodys }) => {
        const roomId = await room()
        const root = await say(alice, roomId, 'root')
        await say(bob, roomId, { msgtype: 'm.text', body: 'reply', ...relation(root) })
        await ok({ as: bob, path: { roomId }, query: { include: 'participated', limit: '5' } })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { roomId: nobodys.room } })
        await fails(400, 'M_INVALID_PARAM', { as: bob, path: { roomId }, query: { include: 'some' } })
      },
    ),
  ],
}

export const SEARCH: Section = {
  title: 'Server side search',
  operations: [
    operation('search', `POST ${V3}/search`, async ({ ok, fails, room, say, alice, bob }) => {
      await say(alice, await room(), 'A pangolin was seen')
      await ok({
        as: bob,
        body: {
          search_categories: { room_events: { search_term: 'pangolin', order_by: 'recent', include_state: true } },
        },
      })
      await fails(400, 'M_INVALID_PARAM', {
        as: bob,
        query: { next_batch: 'forged' },
        body: { search_categories: { room_events: { search_term: 'pangolin' } } },
      })
    }),
  ],
}

export const EPHEMERAL: Section = {
  title: 'Typing, receipts, markers and presence',
  operations: [
    operation('setTyping', `PUT ${V3}/rooms/{roomId}/typing/{userId}`, async ({ ok, fails, room, alice, bob }) => {
      const roomId = await room()
      await ok({ as: bob, path: { roomId, userId: bob.userId }, body: { typing: true, timeout: 30_000 } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { roomId, userId: alice.userId }, body: { typing: true } })
    }),
    operation(
      'postReceipt',
      `POST ${V3}/rooms/{roomId}/receipt/{receiptType}/{eventId}`,
      async ({ ok, fails, room, say, alice, bob }) => {
        const roomId = await room()
        const path = { roomId, receiptType: 'm.read', eventId: await say(alice, roomId, 'hello') }
        await ok({ as: bob, path, body: { thread_id: 'main' } })
        await fails(400, 'M_INVALID_PARAM', { as: bob, path: { ...path, receiptType: 'm.skimmed' }, body: {} })
      },
    ),
    operation(
      'setReadMarker',
      `POST ${V3}/rooms/{roomId}/read_markers`,
      async ({ ok, fails, room, say, alice, bob, nobodys }) => {
        const roomId = await room()
        const eventId = await say(alice, roomId, 'hello')
        await ok({ as: bob, path: { roomId }, body: { 'm.fully_read': eventId, 'm.read': eventId } })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { roomId: nobodys.room }, body: { 'm.read': eventId } })
      },
    ),
    operation('setPresence', `PUT ${V3}/presence/{userId}/status`, async ({ ok, fails, alice, bob }) => {
      await ok({ as: bob, path: { userId: bob.userId }, body: { presence: 'online', status_msg: 'Here' } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { userId: alice.userId }, body: { presence: 'online' } })
      await fails(400, 'M_INVALID_PARAM', { as: bob, path: { userId: bob.userId }, body: { presence: 'asleep' } })
    }),
    operation('getPresence', `GET ${V3}/presence/{userId}/status`, async ({ ok, fails, other, bob, nobodys }) => {
      await other('setPresence', { as: bob, path: { userId: bob.userId }, body: { presence: 'online' } })
      await ok({ as: bob, path: { userId: bob.userId } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { userId: nobodys.user } })
    }),
  ],
}

export const REPORTING: Section = {
  title: 'Reporting content',
  operations: [
    operation('reportRoom', `POST ${V3}/rooms/{roomId}/report`, async ({ ok, fails, room, bob, nobodys }) => {
      await ok({ as: bob, path: { roomId: await room() }, body: { reason: 'Spam' } })
      await fails(404, 'M_NOT_FOUND', { as: bob, path: { roomId: nobodys.room }, body: { reason: 'Spam' } })
    }),
    operation(
      'reportEvent',
      `POST ${V3}/rooms/{roomId}/report/{eventId}`,
      async ({ ok, fails, room, say, alice, bob, nobodys }) => {
        const roomId = await room()
        await ok({ as: bob, path: { roomId, eventId: await say(alice, roomId, 'spam') }, body: { reason: 'Spam' } })
        await fails(404, 'M_NOT_FOUND', { as: bob, path: { roomId, eventId: nobodys.event }, body: { reason: 'Spam' } })
      },
    ),
    operation('reportUser', `POST ${V3}/users/{userId}/report`, async ({ ok, fails, alice, bob, nobodys }) => {
      await ok({ as: bob, path: { userId: alice.userId }, body: { reason: 'Spam' } })
      await fails(404, 'M_NOT_FOUND', { as: bob, path: { userId: nobodys.user }, body: { reason: 'Spam' } })
    }),
  ],
}
