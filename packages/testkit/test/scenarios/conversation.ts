import assert from 'node:assert/strict'
import type { Person } from './person.ts'

/** A picture of one red pixel. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==',
  'base64',
)

/** Invite and join: both see both as joined. @returns the room. */
export async function meetInRoom(host: Person, guest: Person, options: object = {}): Promise<string> {
  const roomId = await host.client.createRoom({ preset: 'private_chat', invite: [guest.client.userId], ...options })
  assert.equal(await guest.client.waitForInvite(), roomId)
  await guest.client.join(roomId)
  for (const { client } of [host, guest]) {
    for (const { userId } of [host.client, guest.client]) {
      await client.waitFor({ kind: 'membership', roomId, userId, membership: 'join' })
    }
  }
  return roomId
}

/** Each hears what the other says. @returns the event id of the second message. */
export async function talk(roomId: string, one: Person, other: Person, about: string): Promise<string> {
  await one.client.sendText(roomId, `${about}: hello`)
  const heard = await other.client.waitForText(roomId, `${about}: hello`)
  assert.equal(heard.sender, one.client.userId)
  const eventId = await other.client.sendText(roomId, `${about}: hello back`)
  const answer = await one.client.waitForText(roomId, `${about}: hello back`)
  assert.equal(answer.sender, other.client.userId)
  assert.equal(answer.eventId, eventId)
  return eventId
}

/** Typing on and off, and a read receipt: each seen on the other side. */
export async function showPresenceOfMind(roomId: string, one: Person, other: Person, eventId: string): Promise<void> {
  const { userId } = one.client
  await one.client.sendTyping(roomId, true)
  await other.client.waitFor({ kind: 'typing', roomId, userId, typing: true })
  await one.client.sendTyping(roomId, false)
  await other.client.waitFor({ kind: 'typing', roomId, userId, typing: false })
  await one.client.sendReceipt(roomId, eventId)
  await other.client.waitFor({ kind: 'receipt', roomId, userId, eventId })
}

/** A new name and a picture: the other side sees both, and gets the picture's very bytes from its own node. */
export async function changeProfile(roomId: string, one: Person, other: Person): Promise<void> {
  const { userId } = one.client
  await one.client.setDisplayName('A new name')
  await other.client.waitFor({ kind: 'member', roomId, userId, displayName: 'A new name' })
  const avatarUrl = await one.client.setAvatar(PIXEL, 'image/png')
  await other.client.waitFor({ kind: 'member', roomId, userId, avatarUrl })
  assert.deepEqual(Buffer.from(await other.client.download(avatarUrl)), PIXEL)
  assert.deepEqual(await other.client.profile(userId), { displayname: 'A new name', avatar_url: avatarUrl })
}

/** What is taken back is gone on the other side too. */
export async function takeBack(roomId: string, one: Person, other: Person): Promise<void> {
  const eventId = await one.client.sendText(roomId, 'said in anger')
  await other.client.waitForText(roomId, 'said in anger')
  await one.client.redact(roomId, eventId)
  await other.client.waitFor({ kind: 'redacted', roomId, eventId })
}

export async function leave(roomId: string, leaver: Person, stayer: Person): Promise<void> {
  await leaver.client.leave(roomId)
  await stayer.client.waitFor({ kind: 'membership', roomId, userId: leaver.client.userId, membership: 'leave' })
}

/** Content of `createRoom` for an encrypted one-to-one chat, as stock clients make it. */
export const ENCRYPTED_DIRECT_CHAT = {
  preset: 'trusted_private_chat',
  is_direct: true,
  initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
} as const
