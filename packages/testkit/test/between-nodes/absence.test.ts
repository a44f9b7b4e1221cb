import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { type ClientEvent, eventually } from '@starling/testkit'
import { Follower } from './follower.ts'
import {
  assertRefused,
  bodiesUpTo,
  createRoom,
  inRoom,
  join,
  membershipIs,
  roomWith,
  say,
  sees,
  setState,
  stateContent,
} from './rooms.ts'
import { twoNodes } from './two-nodes.ts'

const MESSAGES = Array.from({ length: 30 }, (_, number) => `missed ${number}`)
const NOTES = Array.from({ length: 12 }, (_, number) => `note ${number}`)

/** What was there before the other node went away, and what happened while it was. */
interface Absence {
  readonly roomId: string
  readonly known: string
  readonly takenBack: string
  readonly redactions: readonly string[]
  readonly last: string
  readonly kicked: string
  readonly invited: string
  readonly follower: Follower
}

suite('between two nodes: what happened while one of them was away', () => {
  const nodes = twoNodes()
  let absence: Absence
  before(async () => {
    absence = await missAll()
  })

  async function missAll(): Promise<Absence> {
    const { ada, adaId, bob, other } = nodes()
    const roomId = await roomWith(ada, [bob])
    const kicked = await roomWith(ada, [bob])
    const known = await say(ada, roomId, 'known before')
    await sees(bob.client, roomId, known)
    const follower = await Follower.start(bob.client)
    const { host } = new URL(other.info.client_api)
    await other.stop()
    const takenBack = await say(ada, roomId, 'taken back unseen')
    const redactions: string[] = []
    for (const [at, eventId] of [known, takenBack].entries()) {
      const path = inRoom(roomId, `redact/${encodeURIComponent(eventId)}/away${at}`)
      redactions.push((await ada.ok('PUT', path, {})).event_id as string)
    }
    await setState(ada, roomId, 'm.room.topic', { topic: 'while you were out' })
    await ada.ok('PUT', `profile/${encodeURIComponent(adaId)}/displayname`, { displayname: 'Ada anew' })
    await ada.ok('POST', inRoom(kicked, 'kick'), { user_id: bob.id, reason: 'away too long' })
    const invited = await createRoom(ada, { preset: 'private_chat', name: 'For your return', invite: [bob.id] })
    for (const [at, body] of NOTES.entries()) {
      const messages = { [bob.id]: { '*': { body } } }
      for (let times = 0; times < 2; times++)
        await ada.ok('PUT', `sendToDevice/org.example.note/away${at}`, { messages })
    }
    const device = (await ada.ok('GET', 'account/whoami')).device_id as string
    const keys = { algorithms: [], keys: { [`curve25519:${device}`]: 'A'.repeat(43) }, signatures: {} }
    await ada.ok('POST', 'keys/upload', { device_keys: { ...keys, user_id: adaId, device_id: device } })
    let last = ''
    for (const body of MESSAGES) last = await say(ada, roomId, body)
    await ada.ok('POST', inRoom(roomId, `receipt/m.read/${encodeURIComponent(last)}`), {})
    await other.start(['--listen', host])
    return { roomId, known, takenBack, redactions, last, kicked, invited, follower }
  }

  test('every message is there, in order', async () => {
    const { ada, bob } = nodes()
    const shown = await bodiesUpTo(bob.client, absence.roomId, MESSAGES.at(-1) ?? '')
    assert.deepEqual(
      shown.filter((body) => body !== undefined),
      MESSAGES,
    )
    await sees(ada, absence.roomId, await say(bob.client, absence.roomId, 'I am back'))
  })

  test('what was redacted is gone, whether it had been seen or not', async () => {
    const { bob } = nodes()
    const { roomId, known, takenBack, redactions } = absence
    for (const [at, eventId] of [known, takenBack].entries()) {
      const { content, because } = await eventually('the redacted event', async () => {
        const found = await sees(bob.client, roomId, eventId)
        const redaction = found.unsigned?.redacted_because as ClientEvent | undefined
        return redaction && { content: found.content, because: redaction.event_id }
      })
      assert.deepEqual([content, because], [{}, redactions[at]])
    }
    const shown = JSON.stringify(await bob.client.eventsAfter(roomId, undefined))
    assert.ok(!shown.includes('taken back unseen') && !shown.includes('known before'))
  })

  test('state and names are as they are now', async () => {
    const { adaId, bob } = nodes()
    const { roomId } = absence
    await eventually('topic and name', async () => {
      const topic = await stateContent(bob.client, roomId, 'm.room.topic')
      const member = await stateContent(bob.client, roomId, 'm.room.member', adaId)
      return topic?.topic === 'while you were out' && member?.displayname === 'Ada anew'
    })
    assert.equal((await bob.client.ok('GET', `profile/${encodeURIComponent(adaId)}`)).displayname, 'Ada anew')
  })

  test('a client that goes on syncing hears of the kick, the invite, the devices, and each to-device message once', async () => {
    const { ada, adaId, bob } = nodes()
    const { follower, kicked, invited } = absence
    const notes: unknown[] = []
    const heard = new Set<string>()
    await follower.until('all of it', ({ rooms, to_device, device_lists }) => {
      notes.push(...(to_device?.events ?? []).map(({ content }) => content.body))
      if (rooms?.leave?.[kicked]) heard.add('kick')
      if (rooms?.invite?.[invited]) heard.add('invite')
      if (device_lists?.changed.includes(adaId)) heard.add('devices')
      return heard.size === 3 && notes.length >= NOTES.length
    })
    assert.deepEqual(notes, NOTES)
    const left = (await bob.client.ok('GET', inRoom(kicked, `state/m.room.member/${encodeURIComponent(bob.id)}`))) as {
      reason?: string
    }
    assert.equal(left.reason, 'away too long')
    assertRefused(
      await bob.client.call('PUT', inRoom(kicked, 'send/m.room.message/no'), { body: 'no' }),
      403,
      'M_FORBIDDEN',
    )
    await join(bob.client, invited)
    await membershipIs(ada, invited, bob.id, 'join')
  })

  test('a receipt that was set meanwhile is shown', async () => {
    const { adaId } = nodes()
    const { roomId, last } = absence
    await eventually('the receipt', async () => {
      const { rooms } = await absence.follower.anew()
      const ephemeral = rooms?.join?.[roomId]?.ephemeral.events ?? []
      return ephemeral.some(({ type, content }) => {
        const byType = content[last] as Record<string, Record<string, unknown>> | undefined
        return type === 'm.receipt' && byType?.['m.read']?.[adaId] !== undefined
      })
    })
  })
})
