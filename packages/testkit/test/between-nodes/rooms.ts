import assert from 'node:assert/strict'
import { type ClientAnswer, type ClientEvent, eventually, OwnerClient, type StarlingProcess } from '@starling/testkit'

/** Well-formed, and of no room. */
export const UNKNOWN_EVENT = `$${'A'.repeat(43)}`

/** Somebody with an account on a node, and their client. */
export interface Resident {
  readonly client: OwnerClient
  readonly id: string
}

/** A further account beside the owner's. */
export async function registerResident(node: StarlingProcess, username: string): Promise<Resident> {
  const { client_api: baseUrl, server_name: server } = node.info
  const auth = { type: 'm.login.dummy' }
  const anybody = new OwnerClient({ baseUrl, accessToken: '' })
  const { access_token: accessToken } = await anybody.ok('POST', 'register', {
    ...{ username, password: 'a long enough password', auth },
  })
  return { client: new OwnerClient({ baseUrl, accessToken: accessToken as string }), id: `@${username}:${server}` }
}

/** `rooms/{roomId}/…` */
export function inRoom(roomId: string, rest: string): string {
  return `rooms/${encodeURIComponent(roomId)}/${rest}`
}

export async function createRoom(client: OwnerClient, options: object = {}): Promise<string> {
  return (await client.ok('POST', 'createRoom', options)).room_id as string
}

/** A room of `host`, with these in it: invited and joined. */
export async function roomWith(host: OwnerClient, guests: readonly Resident[], options: object = {}): Promise<string> {
  const roomId = await createRoom(host, { preset: 'private_chat', ...options, invite: guests.map(({ id }) => id) })
  for (const guest of guests) {
    await join(guest.client, roomId)
    await membershipIs(host, roomId, guest.id, 'join')
  }
  return roomId
}

/** For the initial state of a room: who is in that other room may enter it. */
export function joinRule(rule: 'restricted' | 'knock_restricted', roomId: string): object {
  const allow = [{ type: 'm.room_membership', room_id: roomId }]
  return { type: 'm.room.join_rules', state_key: '', content: { join_rule: rule, allow } }
}

export async function invite(client: OwnerClient, roomId: string, userId: string): Promise<void> {
  await client.ok('POST', inRoom(roomId, 'invite'), { user_id: userId })
}

/** By invite or in public; with `via` where nobody told this node of the room. */
export async function join(client: OwnerClient, roomId: string, via?: string): Promise<void> {
  const answer = await tryToJoin(client, roomId, via)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
}

/** An invite that is on its way is waited for by `eventually` around this. */
export function tryToJoin(client: OwnerClient, roomId: string, via?: string): Promise<ClientAnswer> {
  const query = via === undefined ? '' : `?via=${via}`
  return client.call('POST', `join/${encodeURIComponent(roomId)}${query}`, {})
}

export async function say(client: OwnerClient, roomId: string, body: string): Promise<string> {
  return send(client, roomId, 'm.room.message', { msgtype: 'm.text', body })
}

let transactions = 0

/** What may be refused. A transaction of its own each time: one that went through once is answered the same again. */
export function trySaying(client: OwnerClient, roomId: string, body: string): Promise<ClientAnswer> {
  const path = inRoom(roomId, `send/m.room.message/txn${transactions++}`)
  return client.call('PUT', path, { msgtype: 'm.text', body })
}

export async function send(client: OwnerClient, roomId: string, type: string, content: object): Promise<string> {
  const answer = await client.ok('PUT', inRoom(roomId, `send/${type}/txn${transactions++}`), content)
  return answer.event_id as string
}

export async function setState(
  client: OwnerClient,
  roomId: string,
  type: string,
  content: object,
  stateKey = '',
): Promise<string> {
  const path = inRoom(roomId, `state/${type}/${encodeURIComponent(stateKey)}`)
  return (await client.ok('PUT', path, content)).event_id as string
}

/** Waits until this client is given the event. */
export function sees(client: OwnerClient, roomId: string, eventId: string): Promise<ClientEvent> {
  return eventually(`${eventId} is seen`, async () => {
    const { status, body } = await client.call('GET', inRoom(roomId, `event/${encodeURIComponent(eventId)}`))
    return status === 200 && (body as unknown as ClientEvent)
  })
}

/** Content of a state event as this client is given it; undefined where it is given none. */
export async function stateContent(
  client: OwnerClient,
  roomId: string,
  type: string,
  stateKey = '',
): Promise<ClientAnswer['body'] | undefined> {
  const { status, body } = await client.call('GET', inRoom(roomId, `state/${type}/${encodeURIComponent(stateKey)}`))
  return status === 200 ? body : undefined
}

export async function membershipIs(
  client: OwnerClient,
  roomId: string,
  userId: string,
  membership: string,
): Promise<ClientAnswer['body']> {
  return eventually(`${userId} is "${membership}" in ${roomId}`, async () => {
    const content = await stateContent(client, roomId, 'm.room.member', userId)
    return content?.membership === membership && content
  })
}

/** The call is answered with this error and nothing else. */
export function assertRefused({ status, body }: ClientAnswer, expected: number, errcode: string): void {
  assert.deepEqual([status, body.errcode], [expected, errcode], JSON.stringify(body))
}

/** Bodies of the messages that a client is shown, oldest first, once the last one named is among them. */
export async function bodiesUpTo(client: OwnerClient, roomId: string, last: string): Promise<unknown[]> {
  return eventually(`"${last}" stands in the timeline`, async () => {
    const events = await client.eventsAfter(roomId, undefined)
    const bodies = events.flatMap(({ type, content }) => (type === 'm.room.message' ? [content.body] : []))
    return bodies.at(-1) === last && bodies
  })
}
