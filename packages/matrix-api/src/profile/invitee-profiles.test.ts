import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, UserId } from '@starling/protocol'
import { InviteeProfiles } from './invitee-profiles.ts'

const alice = '@alice:here' as UserId
const bob = '@bob:elsewhere' as UserId

function inviteesWith(answer: () => Promise<JsonObject | undefined>, patienceMs = 10_000): InviteeProfiles {
  return new InviteeProfiles({
    accounts: { isLocal: (userId) => userId.endsWith(':here') },
    profiles: { memberContent: async () => ({ displayname: 'Alice' }) },
    remoteProfiles: { get: answer },
    patienceMs,
  })
}

test('a local invitee goes by the own profile; another server’s by what that server answers', async () => {
  const invitees = inviteesWith(async () => ({ displayname: 'Bob', avatar_url: 'mxc://elsewhere/b', extra: 1 }))
  assert.deepEqual(await invitees.memberContent(alice, alice), { displayname: 'Alice' })
  assert.deepEqual(await invitees.memberContent(bob, alice), { displayname: 'Bob', avatar_url: 'mxc://elsewhere/b' })
})

test('an invite goes out without a name where the server is away, silent, or answers nonsense', async () => {
  const away = inviteesWith(() => Promise.reject(new Error('unreachable')))
  assert.deepEqual(await away.memberContent(bob, alice), {})
  const silent = inviteesWith(() => new Promise(() => undefined), 1)
  assert.deepEqual(await silent.memberContent(bob, alice), {})
  const nonsense = inviteesWith(async () => ({ displayname: 'x'.repeat(513), avatar_url: 'https://tracker.example/' }))
  assert.deepEqual(await nonsense.memberContent(bob, alice), {})
})
