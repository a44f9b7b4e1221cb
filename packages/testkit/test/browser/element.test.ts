import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser, skipUnlessChromium } from '@starling/testkit'
import { introduce } from './browser-node.ts'
import { ElementWindow, type Refusal } from './element-window.ts'

/** Characters of a server name that people give each other with their display name. */
const SUFFIX_LENGTH = 7

/** Refusals that are the right answer: what a client asks in order to learn that it is not there. */
const EXPECTED: readonly string[] = [
  '404 GET /_matrix/client/unstable/org.matrix.msc2965/auth_issuer',
  '404 GET /_matrix/client/unstable/org.matrix.msc2965/auth_metadata',
  '404 GET /_matrix/client/v1/auth_metadata',
  '404 GET /_matrix/client/v3/room_keys/version',
  '404 GET /_matrix/client/v3/thirdparty/user/im.vector.protocol.sip_virtual',
]

test('two people with Element Web find each other and talk, encrypted', async (t) => {
  if (skipUnlessChromium(t)) return
  const elementDir = process.env.ELEMENT_DIR
  if (elementDir === undefined || elementDir === '') {
    t.skip('needs Element Web: a folder of it in ELEMENT_DIR')
    return
  }
  await using nodes = await introduce(elementDir, 'Ada', 'Grace')
  await using browser = await openBrowser()
  await using ada = await ElementWindow.logIn(browser, nodes.one)
  await using grace = await ElementWindow.logIn(browser, nodes.other)

  await ada.startChat(`Grace:${nodes.other.info.server_name.slice(-SUFFIX_LENGTH)}`, 'Grace', 'Hello Grace')
  await grace.acceptChat('Ada')
  await grace.waitForMessage('Hello Grace')
  await grace.say('Hello Ada')
  await ada.waitForMessage('Hello Ada')
  assert.deepEqual(surprising([...ada.refusals, ...grace.refusals]), [])
})

function surprising(refusals: readonly Refusal[]): string[] {
  const lines = refusals.map(({ status, method, path }) => `${status} ${method} ${path}`)
  return [...new Set(lines)].filter((line) => !EXPECTED.includes(line))
}
