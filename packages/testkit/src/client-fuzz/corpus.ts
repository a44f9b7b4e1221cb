import { readFileSync } from 'node:fs'
import type { LooseObject } from '../fuzz/mutate-json.ts'

/** A valid request with placeholders (`{room}`, `{event}`, …) for what differs from run to run. */
export interface RecordedRequest {
  /** `operationId` of the spec, or a name of our own for what is not in it. */
  readonly id: string
  readonly method: string
  /** With `{roomId}` and the like, filled from `params`. */
  readonly path: string
  /** Query parameters that the operation knows. */
  readonly names?: readonly string[]
  /** Needs an access token. */
  readonly token?: boolean
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: LooseObject
  /** A body that is no JSON. */
  readonly text?: string
  readonly base64?: string
}

const V3 = '/_matrix/client/v3'
const UNSTABLE = '/_matrix/client/unstable'
const DEHYDRATED = `${UNSTABLE}/org.matrix.msc3814.v1/dehydrated_device`
const SLIDING = `${UNSTABLE}/org.matrix.simplified_msc3575/sync`

/** What clients call beside the operations of the spec, or in forms that its contract has no need to show. */
const BESIDE_THE_SPEC: readonly RecordedRequest[] = [
  {
    ...{ id: 'slidingSync', method: 'POST', path: SLIDING, token: true, names: ['timeout', 'pos'] },
    body: {
      conn_id: 'main',
      lists: {
        all: {
          ranges: [[0, 19]],
          timeline_limit: 5,
          required_state: [
            ['m.room.member', '$LAZY'],
            ['*', '*'],
          ],
          filters: { is_dm: false, spaces: ['{room}'], room_types: [null], tags: ['m.favourite'] },
        },
      },
      room_subscriptions: { '{room}': { timeline_limit: 20, required_state: [['m.room.name', '']] } },
      extensions: {
        to_device: { enabled: true, limit: 10 },
        e2ee: { enabled: true },
        account_data: { enabled: true, lists: ['*'], rooms: ['{room}'] },
        receipts: { enabled: true },
        typing: { enabled: true },
      },
    },
  },
  {
    ...{ id: 'slidingSyncAgain', method: 'POST', path: SLIDING, token: true, names: ['timeout', 'pos'] },
    ...{
      query: { pos: '{position}', timeout: '0' },
      body: { lists: { all: { ranges: [[0, 5]], timeline_limit: 1 } } },
    },
  },
  { id: 'getDehydratedDevice', method: 'GET', path: DEHYDRATED, token: true },
  { id: 'deleteDehydratedDevice', method: 'DELETE', path: DEHYDRATED, token: true, body: {} },
  {
    ...{ id: 'putDehydratedDevice', method: 'PUT', path: DEHYDRATED, token: true },
    body: {
      device_id: '{device}',
      device_data: { algorithm: 'm.dehydration.v2', device_pickle: 'x' },
      initial_device_display_name: 'asleep',
      device_keys: {
        ...{ user_id: '{user}', device_id: '{device}', algorithms: ['m.megolm.v1.aes-sha2'] },
        keys: { 'ed25519:{device}': 'AAAA', 'curve25519:{device}': 'AAAA' },
        signatures: { '{user}': { 'ed25519:{device}': 'AAAA' } },
      },
      one_time_keys: {},
    },
  },
  { id: 'rtcTransports', method: 'GET', path: `${UNSTABLE}/org.matrix.msc4143/rtc/transports`, token: true },
  {
    ...{ id: 'syncOn', method: 'GET', path: `${V3}/sync`, token: true },
    ...{ names: ['filter', 'since', 'full_state', 'set_presence', 'timeout', 'use_state_after'] },
    query: { since: '{position}', timeout: '0', filter: '{"room":{"timeline":{"limit":5,"lazy_load_members":true}}}' },
  },
  {
    ...{ id: 'putState', method: 'PUT', path: `${V3}/rooms/{roomId}/state/{eventType}`, token: true },
    ...{ params: { roomId: '{room}', eventType: 'm.room.power_levels' } },
    body: { users: { '{user}': 50 }, events: { 'm.room.name': 50 }, state_default: 50, ban: 50, invite: 0 },
  },
  {
    ...{ id: 'putServerAcl', method: 'PUT', path: `${V3}/rooms/{roomId}/state/{eventType}`, token: true },
    ...{ params: { roomId: '{room}', eventType: 'm.room.server_acl' } },
    body: { allow: ['*'], deny: ['*.evil.example', '?*?*?*'], allow_ip_literals: false },
  },
  {
    ...{ id: 'putSpaceChild', method: 'PUT', path: `${V3}/rooms/{roomId}/state/{eventType}/{stateKey}`, token: true },
    ...{ params: { roomId: '{room}', eventType: 'm.space.child', stateKey: '{room}' } },
    body: { via: ['{server}', '{elsewhere}'], order: 'a', suggested: true },
  },
  {
    ...{ id: 'sendReply', method: 'PUT', path: `${V3}/rooms/{roomId}/send/{eventType}/{txnId}`, token: true },
    ...{ params: { roomId: '{room}', eventType: 'm.room.message', txnId: 't1' } },
    body: {
      ...{ msgtype: 'm.text', body: 'hello', format: 'org.matrix.custom.html', formatted_body: '<b>hello</b>' },
      'm.mentions': { user_ids: ['{user}'], room: true },
      'm.relates_to': { rel_type: 'm.thread', event_id: '{event}', 'm.in_reply_to': { event_id: '{event}' } },
    },
  },
  {
    ...{ id: 'joinElsewhere', method: 'POST', path: `${V3}/join/{roomIdOrAlias}`, token: true, names: ['via'] },
    ...{ params: { roomIdOrAlias: '{farroom}' }, query: { via: ['{elsewhere}'] }, body: {} },
  },
  { id: 'owner', method: 'GET', path: '/_starling/v1/node' },
]

/** All requests to start from. */
export function readCorpus(): readonly RecordedRequest[] {
  const lines = readFileSync(new URL('./recorded-requests.jsonl', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
  return [...lines.map((line) => JSON.parse(line) as RecordedRequest), ...BESIDE_THE_SPEC]
}
