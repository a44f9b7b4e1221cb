import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import {
  htmlPage,
  openBrowser,
  PAGE_LIMIT_MS,
  type StarlingProcess,
  StaticSite,
  whyNoChromium,
} from '@starling/testkit'
import type { Browser, Page } from 'playwright-core'
import { elementUrl, logInWith, loginPage, startNode } from './browser-node.ts'
import { fakeElement } from './fake-element.ts'

suite('the login page in a browser', { skip: whyNoChromium() ?? false }, () => {
  const things = new AsyncDisposableStack()
  let node: StarlingProcess
  let browser: Browser
  let stranger: StaticSite

  before(async () => {
    const { directory } = things.use(await fakeElement())
    // Together these tests press the button more often than any person would be let.
    node = things.use(await startNode({ elementDir: directory, flags: ['--rate-limits', 'off'] }))
    stranger = things.use(await StaticSite.start({ '/': htmlPage('<title>stranger</title>') }))
    browser = things.use(await openBrowser())
  })
  after(() => things.disposeAsync())

  /** A page in a window of its own, and every address that it asked for. */
  async function openPage(): Promise<{ page: Page; addresses: string[] }> {
    const page = await browser.newPage()
    page.setDefaultTimeout(PAGE_LIMIT_MS)
    const addresses: string[] = []
    page.on('request', (request) => addresses.push(request.url()))
    return { page, addresses }
  }

  test('Element needs one click: it finds the login page by itself and comes back logged in', async () => {
    const { page } = await openPage()
    await page.goto(elementUrl(node))
    await page.getByRole('button', { name: 'Log in', exact: true }).click()
    await page.getByText(`logged in as ${node.info.user_id}`, { exact: true }).waitFor()
  })

  test('the token leads to one login, not to two', async () => {
    const { page } = await openPage()
    await page.route(`${elementUrl(node)}/**`, (route) => route.fulfill({ body: 'the client' }))
    await page.goto(loginPage(node, `${elementUrl(node)}/#/home`))
    await page.getByRole('button').click()
    await comesBackTo(page, elementUrl(node))
    const address = new URL(page.url())
    assert.equal(address.hash, '#/home')
    const token = address.searchParams.get('loginToken') ?? ''
    const first = await logInWith(node, token)
    assert.deepEqual([first.status, first.body.user_id], [200, node.info.user_id])
    const second = await logInWith(node, token)
    assert.deepEqual([second.status, second.body.errcode], [403, 'M_FORBIDDEN'])
  })

  test('bad input 32: a foreign origin is named, and no address holds a token before the yes', async () => {
    const { page, addresses } = await openPage()
    await page.goto(stranger.origin)
    await page.evaluate(`location.href = ${JSON.stringify(loginPage(node, `${stranger.origin}/`))}`)
    await page.getByRole('heading', { name: 'Let another program log in?' }).waitFor()
    assert.match(
      (await page.locator('.warning').textContent()) ?? '',
      new RegExp(`^${stranger.origin} is not part of this node`),
    )
    assert.deepEqual(withToken(addresses), [])
    await page.getByRole('button', { name: `Yes, give ${stranger.origin} access` }).click()
    await comesBackTo(page, stranger.origin)
    assert.equal((await logInWith(node, tokenOf(page))).status, 200)
  })

  test("bad input 32: a form without the yes is refused, though the page's own", async () => {
    const { page, addresses } = await openPage()
    await page.goto(loginPage(node, `${stranger.origin}/`))
    await page.evaluate("document.querySelector('[name=consent]').remove()")
    await page.getByRole('button').click()
    await page.getByRole('heading', { name: 'Not logged in' }).waitFor()
    assert.deepEqual(withToken(addresses), [])
  })

  test('bad input 32, twin: the same form gives a trusted origin its token', async () => {
    const { page, addresses } = await openPage()
    await page.route(`${elementUrl(node)}/**`, (route) => route.fulfill({ body: 'the client' }))
    await page.goto(loginPage(node, `${elementUrl(node)}/`))
    assert.equal(await page.locator('[name=consent]').count(), 0)
    await page.getByRole('button').click()
    await comesBackTo(page, elementUrl(node))
    assert.equal(withToken(addresses).length, 1)
  })

  test('another site can neither read the page nor show it in a frame', async () => {
    const { page } = await openPage()
    await page.goto(stranger.origin)
    const target = loginPage(node, `${stranger.origin}/`)
    assert.equal(await readFrom(page, target), 'refused')
    assert.equal(await framedIn(page, target), 'chrome-error://chromewebdata/')
    // The twin: what is meant for other sites can be read, and what forbids no frame is shown in one.
    assert.match(await readFrom(page, `${node.info.client_api}/_matrix/client/versions`), /^\{"versions":/)
    assert.equal(await framedIn(page, `${stranger.origin}/`), `${stranger.origin}/`)
  })

  test('another site cannot press the button, even with a secret that it was given; twin: the page itself can', async () => {
    const { page, addresses } = await openPage()
    // The attacker's own attempt: what login CSRF brings along.
    const attempt = await attemptOf(loginPage(node, `${stranger.origin}/`))
    await page.goto(stranger.origin)
    await submitForm(page, { attempt, consent: 'yes' })
    await page.getByRole('heading', { name: 'Please start again' }).waitFor()
    assert.deepEqual(withToken(addresses), [])

    const secret = await attemptOf(loginPage(node, `${stranger.origin}/`))
    await page.goto(loginPage(node, `${stranger.origin}/`))
    await submitForm(page, { attempt: secret, consent: 'yes' })
    await comesBackTo(page, stranger.origin)
  })

  async function attemptOf(address: string): Promise<string> {
    const html = await (await fetch(address)).text()
    return /name="attempt" value="([^"]+)"/.exec(html)?.[1] ?? ''
  }

  /** Posts a form as any page can, to the address that the login page's own form is sent to. */
  async function submitForm(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
    const action = `${node.info.client_api}/_matrix/client/v3/login/sso/redirect`
    await page.evaluate(`{
      const form = document.body.appendChild(document.createElement('form'))
      Object.assign(form, { method: 'post', action: ${JSON.stringify(action)} })
      for (const [name, value] of ${JSON.stringify(Object.entries(fields))}) {
        form.appendChild(Object.assign(document.createElement('input'), { name, value }))
      }
      form.submit()
    }`)
  }
})

function comesBackTo(page: Page, origin: string): Promise<void> {
  return page.waitForURL((url) => url.origin === origin && url.searchParams.has('loginToken'))
}

/** What a script of the page gets to read of an address; `refused` where the browser keeps it from it. */
function readFrom(page: Page, address: string): Promise<string> {
  return page.evaluate(`fetch(${JSON.stringify(address)}).then((answer) => answer.text(), () => 'refused')`)
}

/** Where a frame ends up that the page points at an address. */
async function framedIn(page: Page, address: string): Promise<string> {
  const ended = page.waitForEvent(
    'framenavigated',
    (frame) => frame !== page.mainFrame() && frame.url() !== 'about:blank',
  )
  await page.evaluate(`document.body.appendChild(document.createElement('iframe')).src = ${JSON.stringify(address)}`)
  return (await ended).url()
}

function withToken(addresses: readonly string[]): string[] {
  return addresses.filter((address) => address.includes('loginToken'))
}

function tokenOf(page: Page): string {
  return new URL(page.url()).searchParams.get('loginToken') ?? ''
}
