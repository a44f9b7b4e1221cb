import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alice, bob, carol, dave, judge, memberDraft, room, VERSIONS, versions } from '../testing/auth-cases.ts'
import { TestRoom } from '../testing/room-builder.ts'

for (const version of VERSIONS) {
  test(`room version ${version}, rule 5.1: a membership event has a membership and a user`, () => {
    const made = room(version)
    assert.equal(
      judge(made, { type: 'm.room.member', sender: alice, content: { membership: 'join' } }),
      'member_malformed',
    )
    assert.equal(judge(made, { type: 'm.room.member', sender: alice, stateKey: alice }), 'member_malformed')
    assert.equal(judge(made, memberDraft(alice, 'invite', 'dave' as typeof alice)), 'member_malformed')
    assert.equal(judge(made, memberDraft(alice, 'absent')), 'member_unknown_membership')
    assert.equal(judge(made, memberDraft(alice, '__proto__')), 'member_unknown_membership')
  })

  test(`room version ${version}, rule 5.3: joining`, () => {
    const fresh = new TestRoom(version)
    fresh.create(alice)
    // 5.3.1
    assert.equal(judge(fresh, memberDraft(alice, 'join')), 'allowed')
    assert.equal(judge(fresh, memberDraft(bob, 'join')), 'join_not_invited')
    fresh.member(alice, 'join')
    fresh.member(alice, 'leave')
    assert.equal(judge(fresh, memberDraft(alice, 'join')), 'join_not_invited')

    const made = room(version, 'public')
    assert.equal(judge(made, memberDraft(dave, 'join')), 'allowed')
    assert.equal(judge(made, memberDraft(alice, 'join', dave)), 'join_other_user')
    made.member(alice, 'ban', dave)
    assert.equal(judge(made, memberDraft(dave, 'join')), 'join_banned')

    const closed = room(version, 'invite')
    assert.equal(judge(closed, memberDraft(dave, 'join')), 'join_not_invited')
    assert.equal(judge(closed, memberDraft(carol, 'join')), 'allowed')
    closed.member(alice, 'invite', dave)
    assert.equal(judge(closed, memberDraft(dave, 'join')), 'allowed')
    // 5.3.7
    for (const rule of ['private', 'x', '']) {
      assert.equal(judge(room(version, rule), memberDraft(dave, 'join')), 'join_rule')
    }
  })

  test(`room version ${version}, rule 5.4: inviting`, () => {
    const made = room(version, 'invite', { invite: 50 })
    assert.equal(judge(made, memberDraft(alice, 'invite', dave)), 'allowed')
    assert.equal(judge(made, memberDraft(bob, 'invite', dave)), 'allowed')
    assert.equal(judge(made, memberDraft(carol, 'invite', dave)), 'invite_level')
    assert.equal(judge(made, memberDraft(alice, 'invite', bob)), 'invite_target_membership')
    made.member(alice, 'ban', dave)
    assert.equal(judge(made, memberDraft(alice, 'invite', dave)), 'invite_target_membership')
    assert.equal(judge(made, memberDraft(dave, 'invite', dave)), 'sender_not_joined')
  })

  test(`room version ${version}, rule 5.5: leaving, kicking, lifting a ban`, () => {
    const made = room(version, 'invite', { ban: 60 })
    assert.equal(judge(made, memberDraft(carol, 'leave')), 'allowed')
    assert.equal(judge(made, memberDraft(dave, 'leave')), 'leave_membership')
    assert.equal(judge(made, memberDraft(dave, 'leave', carol)), 'sender_not_joined')
    made.member(alice, 'invite', dave)
    assert.equal(judge(made, memberDraft(dave, 'leave')), 'allowed')
    made.member(alice, 'ban', dave)
    assert.equal(judge(made, memberDraft(dave, 'leave')), 'leave_membership')
    assert.equal(judge(made, memberDraft(bob, 'leave', dave)), 'unban_level')
    assert.equal(judge(made, memberDraft(alice, 'leave', dave)), 'allowed')
    assert.equal(judge(made, memberDraft(bob, 'leave', carol)), 'allowed')
    assert.equal(judge(made, memberDraft(carol, 'leave', bob)), 'kick_level')
  })

  test(`room version ${version}, bad input 26: nobody bans or kicks an equal or a superior`, () => {
    const made = room(version, 'public')
    made.powerLevels(alice, {
      users: { ...(version === '12' ? {} : { [alice]: 100 }), [bob]: 50, [carol]: 50 },
    })
    for (const [membership, code] of [
      ['ban', 'ban_level'],
      ['leave', 'kick_level'],
    ] as const) {
      assert.equal(judge(made, memberDraft(bob, membership, carol)), code)
      assert.equal(judge(made, memberDraft(bob, membership, alice)), code)
      assert.equal(judge(made, memberDraft(alice, membership, bob)), 'allowed')
    }
  })

  test(`room version ${version}, rule 5.6: banning`, () => {
    const made = room(version)
    assert.equal(judge(made, memberDraft(bob, 'ban', dave)), 'allowed')
    assert.equal(judge(made, memberDraft(carol, 'ban', dave)), 'ban_level')
    assert.equal(judge(made, memberDraft(dave, 'ban', carol)), 'sender_not_joined')
  })
}

for (const version of versions(1, 6)) {
  test(`room version ${version}: there is no knocking`, () => {
    assert.equal(judge(room(version, 'knock'), memberDraft(dave, 'knock')), 'member_unknown_membership')
    const made = room(version, 'knock')
    made.member(alice, 'invite', dave)
    assert.equal(judge(made, memberDraft(dave, 'join')), 'join_rule')
  })
}

for (const version of versions(7)) {
  test(`room version ${version}, rule 5.7: knocking`, () => {
    const made = room(version, 'knock')
    assert.equal(judge(made, memberDraft(dave, 'knock')), 'allowed')
    assert.equal(judge(made, memberDraft(alice, 'knock', dave)), 'knock_other_user')
    assert.equal(judge(made, memberDraft(carol, 'knock')), 'knock_membership')
    assert.equal(judge(made, memberDraft(dave, 'join')), 'join_not_invited')
    made.member(dave, 'knock')
    assert.equal(judge(made, memberDraft(dave, 'leave')), 'allowed')
    assert.equal(judge(made, memberDraft(dave, 'join')), 'join_not_invited')
    made.member(alice, 'invite', dave)
    assert.equal(judge(made, memberDraft(dave, 'knock')), 'knock_membership')
    assert.equal(judge(made, memberDraft(dave, 'join')), 'allowed')
    made.member(alice, 'ban', dave)
    assert.equal(judge(made, memberDraft(dave, 'knock')), 'knock_membership')
    for (const rule of ['public', 'invite'])
      assert.equal(judge(room(version, rule), memberDraft(dave, 'knock')), 'knock_rule')
    const both = judge(room(version, 'knock_restricted'), memberDraft(dave, 'knock'))
    assert.equal(both, Number(version) < 10 ? 'knock_rule' : 'allowed')
  })
}

for (const version of versions(8)) {
  const rules = Number(version) < 10 ? ['restricted'] : ['restricted', 'knock_restricted']
  for (const rule of rules) {
    test(`room version ${version}, rule 5.3.5: joining under ${rule}`, () => {
      const made = room(version, rule, { invite: 50 })
      const signed = { isSignedBy: () => true }
      const join = (authoriser?: unknown) =>
        memberDraft(
          dave,
          'join',
          dave,
          authoriser === undefined ? {} : { join_authorised_via_users_server: authoriser },
        )
      assert.equal(judge(made, join(bob), signed), 'allowed')
      assert.equal(judge(made, join(), signed), 'join_authoriser')
      assert.equal(judge(made, join(carol), signed), 'join_authoriser')
      assert.equal(judge(made, join(dave), signed), 'join_authoriser')
      assert.equal(judge(made, join('@nobody:b.test'), signed), 'join_authoriser')
      made.member(alice, 'invite', dave)
      assert.equal(judge(made, join(), signed), 'allowed')
      made.member(alice, 'ban', dave)
      assert.equal(judge(made, join(bob), signed), 'join_banned')
    })

    test(`room version ${version}, bad input 27: a forged authoriser under ${rule} is rejected`, () => {
      const made = room(version, rule)
      const forged = memberDraft(dave, 'join', dave, { join_authorised_via_users_server: bob })
      // The event is signed by Dave's server alone.
      assert.equal(judge(made, forged), 'join_not_authorised_signature')
      const malformed = memberDraft(dave, 'join', dave, { join_authorised_via_users_server: 'bob' })
      assert.equal(judge(made, malformed, { isSignedBy: () => true }), 'join_not_authorised_signature')
      // Twin: without the signature rule it gets in.
      assert.equal(judge(made, forged, { isSignedBy: () => true }), 'allowed')
    })
  }
}

test('room version 7: restricted is no join rule yet, and its field means nothing', () => {
  const draft = memberDraft(dave, 'join', dave, { join_authorised_via_users_server: bob })
  assert.equal(judge(room('7', 'restricted'), draft), 'join_rule')
  assert.equal(judge(room('7', 'public'), draft), 'allowed')
})

test('room version 12: additional creators have the power of creators, but not the right of the first join', () => {
  const made = new TestRoom('12')
  made.create(alice, { additional_creators: [bob] })
  assert.equal(judge(made, memberDraft(bob, 'join')), 'join_not_invited')
  made.member(alice, 'join')
  made.joinRules(alice, 'public')
  made.member(bob, 'join')
  made.member(carol, 'join')
  assert.equal(judge(made, memberDraft(bob, 'ban', carol)), 'allowed')
  // Infinite is not less than infinite.
  assert.equal(judge(made, memberDraft(bob, 'ban', alice)), 'ban_level')
  assert.equal(judge(made, memberDraft(alice, 'leave', bob)), 'kick_level')
  // Twin: in version 11 the field gives nothing.
  const before = new TestRoom('11')
  before.create(alice, { additional_creators: [bob] })
  before.member(alice, 'join')
  before.joinRules(alice, 'public')
  before.member(bob, 'join')
  before.member(carol, 'join')
  assert.equal(judge(before, memberDraft(bob, 'ban', carol)), 'ban_level')
})
