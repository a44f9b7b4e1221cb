import assert from 'node:assert/strict'
import { eventually } from '@starling/testkit'
import type { Person } from './person.ts'

/** The last characters of a server name that people give each other with their display name. */
const SUFFIX_LENGTH = 7

/**
 * `seeker` finds `sought` by each kind of term that a person can be given: name, name with suffix, user id, server name, PeerId. Every
 * answer names that user and nobody else.
 */
export async function findsByEveryTerm(seeker: Person, sought: Person, displayName: string): Promise<void> {
  const { server_name: server, peer_id: peerId, user_id: userId } = sought.node.info
  await sought.client.setDisplayName(displayName)
  const terms = [displayName, `${displayName}:${server.slice(-SUFFIX_LENGTH)}`, userId, server, `/p2p/${peerId}`]
  for (const term of terms) {
    const found = await eventually(`${displayName} is found by ${term}`, async () => {
      const results = await seeker.client.searchUsers(term)
      return results.length > 0 ? results : undefined
    })
    assert.deepEqual(
      found.map((user) => [user.user_id, user.display_name]),
      [[userId, displayName]],
      term,
    )
  }
}
