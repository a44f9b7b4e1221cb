import {
  ALICES,
  changingRow,
  EVENT_READERS,
  elsewhere,
  FORBIDDEN,
  MEMBERS,
  NOT_FOUND,
  nobody,
  OWN,
  PUBLIC,
  READERS,
  type Row,
  row,
  TOKEN,
  toAll,
} from '../matrix.ts'

const MESSAGE = { msgtype: 'm.text', body: 'I was here' }

/** Syncing, rooms, membership, directory, search, spaces. */
export const roomRows: readonly Row[] = [
  row('sync', [...TOKEN, '200', '200', '200', '200 told'], { query: { timeout: '0', full_state: 'true' } }),
  row('getEvents', OWN, { query: { timeout: '0' } }),
  row('peekEvents', READERS, ({ room }) => ({ query: { timeout: '0', room_id: room } })),
  row('initialSync', OWN),
  row('getOneEvent', toAll(NOT_FOUND)),

  row('getOneRoomEvent', EVENT_READERS),
  row('getRoomState', READERS),
  row('getRoomStateWithKey', elsewhere([...TOKEN, FORBIDDEN, NOT_FOUND, NOT_FOUND, FORBIDDEN], NOT_FOUND), {
    path: { eventType: 'org.example.custom', stateKey: 'sekrit' },
  }),
  row('getMembersByRoom', READERS),
  row('getJoinedMembersByRoom', MEMBERS),
  row('getRoomEvents', READERS, { query: { dir: 'b', limit: '100' } }),
  row('roomInitialSync', READERS),
  row('getEventByTimestamp', READERS, { query: { ts: '0', dir: 'f' } }),
  row('getEventContext', EVENT_READERS),
  row('setRoomStateWithKey', MEMBERS, { path: { eventType: 'm.room.topic', stateKey: '' }, body: { topic: 'Mine' } }),
  row('sendMessage', MEMBERS, { path: { eventType: 'm.room.message' }, body: MESSAGE }),
  row('redactEvent', elsewhere(MEMBERS, NOT_FOUND), { body: {} }),
  row('getRelatingEvents', EVENT_READERS),
  row('getRelatingEventsWithRelType', EVENT_READERS),
  row('getRelatingEventsWithRelTypeAndEventType', EVENT_READERS, { path: { eventType: 'm.room.message' } }),
  row('getThreadRoots', READERS),
  row('search', OWN, ({ room }, asker) => ({
    body: {
      search_categories: {
        room_events: {
          search_term: asker === 'no token' ? 'x' : 'message',
          filter: { rooms: [room] },
          event_context: { before_limit: 5, after_limit: 5, include_profile: true },
          include_state: true,
        },
      },
    },
  })),

  row('setTyping', ALICES, { body: { typing: true } }),
  row('postReceipt', elsewhere(MEMBERS, NOT_FOUND), { body: {} }),
  row('setReadMarker', elsewhere(MEMBERS, NOT_FOUND), ({ event }) => ({ body: { 'm.fully_read': event } })),
  row('reportRoom', OWN, { body: { reason: 'Spam' } }),
  row('reportEvent', elsewhere(toAll(NOT_FOUND), NOT_FOUND), { body: { reason: 'Spam' } }),

  row('createRoom', OWN, { body: {} }),
  row('setRoomAlias', toAll(FORBIDDEN), ({ room }, asker) => ({
    path: { roomAlias: `#taken-by-${asker.replace(' ', '-')}:here.test` },
    body: { room_id: room },
  })),
  row('getRoomIdByAlias', PUBLIC),
  row('deleteRoomAlias', toAll(FORBIDDEN)),
  row('getLocalAliases', MEMBERS),
  row('getRoomVisibilityOnDirectory', nobody(NOT_FOUND)),
  row('setRoomVisibilityOnDirectory', MEMBERS, { body: { visibility: 'public' } }),
  row('getPublicRooms', PUBLIC),
  row('queryPublicRooms', OWN, { body: { filter: { generic_search_term: 'e' } } }),
  row('getRoomSummary', [NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, '200 told']),
  row('getSpaceHierarchy', [...TOKEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, '200 told']),
  row('upgradeRoom', MEMBERS, { body: { new_version: '11' } }),

  row('getJoinedRooms', OWN),
  row('getMutualRooms', OWN, ({ alice }) => ({ query: { user_id: alice.userId } })),
  row('inviteUser', MEMBERS, ({ stranger }) => ({ body: { user_id: stranger.userId } })),
  row('inviteBy3PID', toAll('403 M_THREEPID_DENIED'), {
    body: { id_server: 'id.test', id_access_token: 'a', medium: 'email', address: 'bob@example.org' },
  }),
  row('kick', MEMBERS, ({ alice }) => ({ body: { user_id: alice.userId } })),
  row('ban', MEMBERS, ({ alice }) => ({ body: { user_id: alice.userId } })),
  row('unban', MEMBERS, ({ banned }) => ({ body: { user_id: banned.userId } })),
  changingRow('joinRoomById', [...TOKEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, '200'], { body: {} }),
  changingRow('joinRoom', [...TOKEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, '200'], { body: {} }),
  changingRow('knockRoom', toAll(FORBIDDEN), { body: {} }),
  changingRow('leaveRoom', [...TOKEN, NOT_FOUND, '200', FORBIDDEN, '200'], { body: {} }),
  changingRow('forgetRoom', [...TOKEN, NOT_FOUND, '200', '200', '400 M_UNKNOWN']),
]
