import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signJson } from '../crypto/sign-json.ts'
import type { KeyId, ServerName } from '../ids/branded.ts'
import type { JsonObject } from '../json/value.ts'
import { alice, bob, carol, dave, judge, memberDraft, room, VERSIONS } from '../testing/auth-cases.ts'
import { publicKeyText, signerOf } from '../testing/room-builder.ts'
import { sodiumCrypto } from '../testing/sodium-crypto.ts'

/** The identity server and its key. */
const identity = { ...signerOf(dave), server: 'id.test' as ServerName, keyId: 'ed25519:0' as KeyId }

function signed(content: JsonObject = { mxid: dave, token: 'tok' }, signer = identity): JsonObject {
  return signJson(content, signer, sodiumCrypto.ed25519)
}

function roomWithInvite(version: string, keys: JsonObject = { public_key: publicKeyText(identity) }) {
  const made = room(version)
  made.add({ type: 'm.room.third_party_invite', sender: bob, stateKey: 'tok', content: { display_name: 'd', ...keys } })
  return made
}

function invite(invited: JsonObject | undefined, sender = bob) {
  return memberDraft(sender, 'invite', dave, { third_party_invite: { display_name: 'd', signed: invited } })
}

for (const version of VERSIONS) {
  test(`room version ${version}, rule 5.4.1: an invite by third party`, () => {
    const made = roomWithInvite(version)
    assert.equal(judge(made, invite(signed())), 'allowed')
    assert.equal(judge(made, invite(undefined)), 'third_party_invite_malformed')
    assert.equal(
      judge(made, memberDraft(bob, 'invite', dave, { third_party_invite: 1 })),
      'third_party_invite_malformed',
    )
    assert.equal(judge(made, invite(signed({ mxid: dave }))), 'third_party_invite_malformed')
    assert.equal(judge(made, invite(signed({ token: 'tok' }))), 'third_party_invite_malformed')
    assert.equal(judge(made, invite(signed({ mxid: carol, token: 'tok' }))), 'third_party_invite_mxid')
    assert.equal(judge(made, invite(signed({ mxid: dave, token: 'other' }))), 'third_party_invite_token')
    assert.equal(judge(made, invite(signed(), alice)), 'third_party_invite_sender')
    assert.equal(
      judge(made, invite(signed(undefined, { ...identity, seed: signerOf(bob).seed }))),
      'third_party_invite_signature',
    )
    assert.equal(judge(made, invite({ ...signed(), mxid: dave, extra: 1 })), 'third_party_invite_signature')
    assert.equal(judge(made, invite({ mxid: dave, token: 'tok' })), 'third_party_invite_signature')
    made.member(alice, 'ban', dave)
    assert.equal(judge(made, invite(signed())), 'third_party_invite_banned')
  })

  test(`room version ${version}, rule 7: third-party invites need the level to invite`, () => {
    const made = room(version, 'invite', { invite: 50, events: { 'm.room.third_party_invite': 99 } })
    const draft = { type: 'm.room.third_party_invite', stateKey: 'x', content: {} }
    // Rule 7 speaks before rule 8, so the level for the event type does not count.
    assert.equal(judge(made, { ...draft, sender: bob }), 'allowed')
    assert.equal(judge(made, { ...draft, sender: carol }), 'invite_level')
    assert.equal(judge(made, { ...draft, sender: dave }), 'sender_not_joined')
  })
}

test('rule 5.4.1.7: any key of public_keys will do', () => {
  const listed = roomWithInvite('12', {
    public_key: publicKeyText(signerOf(alice)),
    public_keys: [3, {}, { public_key: '?' }, { public_key: publicKeyText(identity) }],
  })
  assert.equal(judge(listed, invite(signed())), 'allowed')
  assert.equal(judge(roomWithInvite('12', {}), invite(signed())), 'third_party_invite_signature')
})

test('one invite makes a bounded number of verifications', () => {
  let count = 0
  const counting = { ...sodiumCrypto.ed25519, verify: () => ++count < 0 }
  const keys = Array.from({ length: 500 }, () => ({ public_key: publicKeyText(identity) }))
  const many = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`ed25519:${i}`, 'A'.repeat(86)]))
  const made = roomWithInvite('12', { public_keys: keys })
  const flood = { mxid: dave, token: 'tok', signatures: { 'id.test': many } }
  assert.equal(judge(made, invite(flood), { ed25519: counting }), 'third_party_invite_signature')
  assert.equal(count, 256)
})
