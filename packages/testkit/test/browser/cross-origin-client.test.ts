import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  bundlePage,
  openBrowser,
  PAGE_LIMIT_MS,
  SdkClient,
  type StarlingProcess,
  StaticSite,
  whyNoChromium,
} from '@starling/testkit'
import type { Page } from 'playwright-core'
import { ENCRYPTED_DIRECT_CHAT } from '../scenarios/conversation.ts'
import { elementUrl, loginPage, startNode } from './browser-node.ts'
import { fakeElement } from './fake-element.ts'
import type { SdkPage } from './sdk-page.ts'

const ENTRY = fileURLToPath(import.meta.resolve('./sdk-page.ts'))

/** matrix-js-sdk on a web page of another origin: nothing here works without CORS and preflights answered rightly. */
suite('a web client of another origin', { skip: whyNoChromium() ?? false }, () => {
  const things = new AsyncDisposableStack()
  const preflights: string[] = []
  let ada: StarlingProcess
  let grace: SdkClient
  let site: StaticSite
  let page: Page
  let roomId: string

  before(async () => {
    const { directory } = things.use(await fakeElement())
    ada = things.use(await startNode({ elementDir: directory }))
    const graceNode = things.use(await startNode({ friend: ada }))
    grace = things.use(await SdkClient.start(graceNode.ownerSession()))
    site = things.use(await StaticSite.start(await bundlePage(ENTRY)))
    const browser = things.use(await openBrowser())
    page = await browser.newPage()
    page.setDefaultTimeout(PAGE_LIMIT_MS)
    await recordPreflights(page, preflights)
  })
  after(() => things.disposeAsync())

  test('logs in by the login page, starts its crypto and syncs', async () => {
    await page.goto(loginPage(ada, `${site.origin}/`))
    await page.getByRole('button', { name: /^Yes, give / }).click()
    await page.waitForURL((url) => url.origin === site.origin && url.searchParams.has('loginToken'))
    const token = new URL(page.url()).searchParams.get('loginToken') ?? ''
    assert.equal(await inPage('start', ada.info.client_api, token), ada.info.user_id)
    assert(
      preflights.some((path) => path === '/_matrix/client/v3/sync'),
      `preflights seen: ${preflights}`,
    )
  })

  test('talks in an encrypted room with somebody on another node', async () => {
    roomId = await inPage('createRoom', { ...ENCRYPTED_DIRECT_CHAT, invite: [grace.userId] })
    assert.equal(await grace.waitForInvite(), roomId)
    await grace.join(roomId)
    await inPage('joined', roomId, grace.userId)
    await inPage('sendText', roomId, 'from the browser')
    const heard = await grace.waitForText(roomId, 'from the browser')
    assert.deepEqual([heard.sender, heard.encrypted], [ada.info.user_id, true])
    await grace.sendText(roomId, 'to the browser')
    const answer = await inPage('waitForText', roomId, 'to the browser')
    assert.deepEqual(answer, { sender: grace.userId, encrypted: true })
  })

  test('after a reload it is the same device, which reads what came before and what comes now', async () => {
    const before = await inPage('deviceId')
    await page.reload()
    assert.equal(await inPage('resume'), before)
    assert.deepEqual(await inPage('waitForText', roomId, 'to the browser'), { sender: grace.userId, encrypted: true })
    await grace.sendText(roomId, 'welcome back')
    assert.equal((await inPage('waitForText', roomId, 'welcome back')).encrypted, true)
    await inPage('sendText', roomId, 'still me')
    assert.equal((await grace.waitForText(roomId, 'still me')).decryptionFailure, false)
  })

  test('uploads and downloads media', async () => {
    assert.equal(await inPage('roundTripMedia', 'some text'), 'some text')
  })

  test('twin: what the node serves without CORS headers, the same page does not get', async () => {
    const read = (address: string) =>
      page.evaluate(`fetch(${JSON.stringify(address)}).then(() => 'read', () => 'refused')`)
    assert.equal(await read(`${elementUrl(ada)}/config.json`), 'refused')
    assert.equal(await read(`${ada.info.client_api}/_matrix/client/versions`), 'read')
  })

  /** Calls a function of the page. A string, because what stands in it runs there. */
  function inPage<Name extends keyof SdkPage>(
    name: Name,
    ...args: Parameters<SdkPage[Name]>
  ): ReturnType<SdkPage[Name]> {
    return page.evaluate(`sdkPage.${name}(...${JSON.stringify(args)})`) as ReturnType<SdkPage[Name]>
  }
})

/** Playwright does not tell of preflights; the browser's own protocol does. Paths are added to `seen`. */
async function recordPreflights(page: Page, seen: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page)
  session.on('Network.requestWillBeSent', ({ request, type }) => {
    if (type === 'Preflight' || request.method === 'OPTIONS') seen.push(new URL(request.url).pathname)
  })
  await session.send('Network.enable')
}
