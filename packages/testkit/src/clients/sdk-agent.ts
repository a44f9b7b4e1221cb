/**
 * A real client in a process of its own: matrix-js-sdk with its Rust crypto, driven by JSON lines (see `SdkClient`). A process,
 * because a test in a network namespace has to run its clients inside it.
 */
import './quiet-sdk-logger.ts'
import {
  ClientEvent,
  type EventTimelineSet,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  ReceiptType,
  type Room,
  RoomEvent,
  RoomMemberEvent,
  RoomStateEvent,
  SyncState,
} from 'matrix-js-sdk'
import { serveAgent } from '../processes/json-lines.ts'
import { makeSdk } from './make-sdk.ts'
import type { Condition, SdkSession, SeenEvent, SeenRoom, WhoAmI } from './sdk-types.ts'

/** Longest wait for a condition, on a busy machine. Milliseconds. */
const WAIT_LIMIT_MS = 60_000

const CONVERSATION: readonly string[] = ['m.room.message', 'm.room.encrypted']

let current: MatrixClient | undefined
const changed = new EventTarget()
const wake = (): boolean => changed.dispatchEvent(new Event('change'))

serveAgent({
  start,
  stop: async () => client().stopClient(),
  sync: async () => client().getSyncState(),
  createRoom: async (options: Parameters<MatrixClient['createRoom']>[0]) =>
    (await client().createRoom(options)).room_id,
  invite: (roomId: string, userId: string) => client().invite(roomId, userId),
  join: async (roomId: string, via: string[] = []) => (await client().joinRoom(roomId, { viaServers: via })).roomId,
  leave: (roomId: string) => client().leave(roomId),
  kick: (roomId: string, userId: string, reason: string) => client().kick(roomId, userId, reason),
  ban: (roomId: string, userId: string, reason: string) => client().ban(roomId, userId, reason),
  sendText: async (roomId: string, body: string) => (await client().sendTextMessage(roomId, body)).event_id,
  redact: async (roomId: string, eventId: string) => (await client().redactEvent(roomId, eventId)).event_id,
  sendTyping: (roomId: string, typing: boolean) => client().sendTyping(roomId, typing, 20_000),
  sendReceipt,
  setDisplayName: (name: string) => client().setDisplayName(name),
  setAvatar: async (base64: string, type: string) => {
    const content = await client().uploadContent(new Blob([Buffer.from(base64, 'base64')], { type }))
    await client().setAvatarUrl(content.content_uri)
    return content.content_uri
  },
  searchUsers: async (term: string, limit = 10) => (await client().searchUserDirectory({ term, limit })).results,
  profile: (userId: string) => client().getProfileInfo(userId),
  download: async (mxc: string) => download(mxc),
  room: (roomId: string) => seenRoom(requireRoom(roomId)),
  history: async (roomId: string) => {
    const room = requireRoom(roomId)
    // A long absence leaves a gap that a person's client fills by scrolling up.
    while (timelineOf(room.getUnfilteredTimelineSet())[0]?.getType() !== 'm.room.create') {
      if (room.oldState.paginationToken === null) break
      await client().scrollback(room, 100)
    }
    return seenRoom(room).messages
  },
  serverState: async (roomId: string) => {
    const events = (await client().roomState(roomId)) as { type: string; state_key: string; event_id: string }[]
    return events.map((event) => `${event.type} ${event.state_key} ${event.event_id}`).sort()
  },
  devicesOf: async (userId: string) => {
    const devices = await client().getCrypto()?.getUserDeviceInfo([userId], true)
    return [...(devices?.get(userId)?.keys() ?? [])]
  },
  bootstrapCrossSigning: (password?: string) => bootstrapCrossSigning(password),
  waitFor: (condition: Condition) => waitFor(condition),
})

async function start(session: SdkSession): Promise<WhoAmI> {
  const { client: made, me } = await makeSdk(session)
  current = made
  watch(made)
  await made.startClient({ lazyLoadMembers: true, initialSyncLimit: 100, pollTimeout: 10_000 })
  await waitFor({ kind: 'synced' })
  return me
}

/** Everything that a condition may be about wakes the waiters. */
function watch(matrix: MatrixClient): void {
  matrix.on(ClientEvent.Sync, wake)
  matrix.on(RoomEvent.Timeline, wake)
  matrix.on(RoomEvent.Redaction, wake)
  matrix.on(RoomEvent.Receipt, wake)
  matrix.on(RoomEvent.MyMembership, wake)
  matrix.on(RoomMemberEvent.Typing, wake)
  matrix.on(RoomMemberEvent.Name, wake)
  matrix.on(RoomStateEvent.Events, wake)
  matrix.on(MatrixEventEvent.Decrypted, wake)
}

function client(): MatrixClient {
  if (!current) throw new Error('the client has not been started')
  return current
}

function requireRoom(roomId: string): Room {
  const room = client().getRoom(roomId)
  if (!room) throw new Error(`the client knows no room ${roomId}`)
  return room
}

async function sendReceipt(roomId: string, eventId: string): Promise<void> {
  const event = requireRoom(roomId).findEventById(eventId)
  if (!event) throw new Error(`the client knows no event ${eventId}`)
  await client().sendReceipt(event, ReceiptType.Read)
}

async function download(mxc: string): Promise<string> {
  const url = client().mxcUrlToHttp(mxc, undefined, undefined, undefined, false, true, true)
  const response = await fetch(url ?? '', { headers: { authorization: `Bearer ${client().getAccessToken()}` } })
  if (!response.ok) throw new Error(`download answered ${response.status}: ${await response.text()}`)
  return Buffer.from(await response.arrayBuffer()).toString('base64')
}

async function bootstrapCrossSigning(password: string | undefined): Promise<void> {
  const identifier = { type: 'm.id.user', user: client().getUserId() }
  await client()
    .getCrypto()
    ?.bootstrapCrossSigning({
      authUploadDeviceSigningKeys: async (request) => {
        await request(password === undefined ? null : { type: 'm.login.password', identifier, password })
      },
    })
}

function seenEvent(event: MatrixEvent): SeenEvent {
  return {
    eventId: event.getId() ?? '',
    sender: event.getSender() ?? '',
    type: event.getType(),
    wireType: event.getWireType(),
    body: event.isDecryptionFailure() ? undefined : event.getContent().body,
    encrypted: event.isEncrypted(),
    decryptionFailure: event.isDecryptionFailure(),
    redacted: event.isRedacted(),
  }
}

function seenRoom(room: Room): SeenRoom {
  return {
    roomId: room.roomId,
    name: room.name,
    version: room.getVersion(),
    membership: room.getMyMembership(),
    encrypted: room.hasEncryptionStateEvent(),
    isDirectWith: room.getDMInviter() ?? null,
    members: room.currentState.getMembers().map((member) => ({
      userId: member.userId,
      membership: member.membership ?? '',
      displayName: member.rawDisplayName,
      avatarUrl: member.getMxcAvatarUrl() ?? null,
    })),
    messages: timelineOf(room.getUnfilteredTimelineSet())
      .filter((event) => CONVERSATION.includes(event.getWireType()))
      .map(seenEvent),
  }
}

function timelineOf(set: EventTimelineSet): MatrixEvent[] {
  return set.getLiveTimeline().getEvents()
}

/** What holds now, or undefined: a table of the conditions. */
const CHECKS: { readonly [Kind in Condition['kind']]: (condition: Extract<Condition, { kind: Kind }>) => unknown } = {
  synced: () =>
    [SyncState.Prepared, SyncState.Syncing].includes(client().getSyncState() ?? SyncState.Error) || undefined,
  invited: ({ from }) => {
    const invited = client()
      .getRooms()
      .find((room) => room.getMyMembership() === 'invite' && (from === undefined || room.getDMInviter() === from))
    return invited?.roomId
  },
  membership: ({ roomId, userId, membership }) =>
    client().getRoom(roomId)?.getMember(userId)?.membership === membership || undefined,
  member: ({ roomId, userId, displayName, avatarUrl }) => {
    const member = client().getRoom(roomId)?.getMember(userId)
    if (!member) return undefined
    if (displayName !== undefined && member.rawDisplayName !== displayName) return undefined
    if (avatarUrl !== undefined && member.getMxcAvatarUrl() !== avatarUrl) return undefined
    return true
  },
  message: ({ roomId, body }) => {
    const room = client().getRoom(roomId)
    const event =
      room && timelineOf(room.getUnfilteredTimelineSet()).find((candidate) => candidate.getContent().body === body)
    return event && !event.isDecryptionFailure() ? seenEvent(event) : undefined
  },
  redacted: ({ roomId, eventId }) => client().getRoom(roomId)?.findEventById(eventId)?.isRedacted() || undefined,
  typing: ({ roomId, userId, typing }) => client().getRoom(roomId)?.getMember(userId)?.typing === typing || undefined,
  receipt: ({ roomId, userId, eventId }) => {
    const room = client().getRoom(roomId)
    const event = room?.findEventById(eventId)
    return (event && room?.getReceiptsForEvent(event).some((receipt) => receipt.userId === userId)) || undefined
  },
}

/** Resolves with what the condition gives as soon as it holds. */
function waitFor(condition: Condition): Promise<unknown> {
  const check = CHECKS[condition.kind] as (condition: Condition) => unknown
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const found = check(condition)
      if (found === undefined) return
      finish()
      resolve(found)
    }
    const limit = setTimeout(() => {
      finish()
      reject(new Error(`did not come true within ${WAIT_LIMIT_MS} ms: ${JSON.stringify(condition)}`))
    }, WAIT_LIMIT_MS)
    const finish = (): void => {
      clearTimeout(limit)
      changed.removeEventListener('change', look)
    }
    changed.addEventListener('change', look)
    look()
  })
}
