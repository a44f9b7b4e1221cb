import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { type Browser, chromium } from 'playwright-core'
import { accountSection } from '../../testing/account-section.ts'
import { startTestApi } from '../../testing/test-api.ts'

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
const skip = existsSync(CHROMIUM) ? false : 'no Chromium here (CHROMIUM_PATH)'

/** A client's web page, and what its address became. */
async function startClient(html: string) {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(html))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
}

test('in Chromium: one click leads back to the client with a token that logs in', { skip }, async () => {
  await using client = await startClient('<title>client</title>')
  await using api = await startTestApi(accountSection({ trustedOrigins: () => [client.origin] }))
  const { userId } = await api.user()
  const browser = await launch()
  try {
    const page = await browser.newPage()
    const problems: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text())
    })
    await page.goto(`${api.url}/_matrix/client/v3/login/sso/redirect?redirectUrl=${encodeURIComponent(client.origin)}`)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.waitForURL(`${client.origin}/**`)
    const token = new URL(page.url()).searchParams.get('loginToken')
    const login = await api.request('POST', '/_matrix/client/v3/login', { body: { type: 'm.login.token', token } })
    assert.equal(login.body.user_id, userId)
    assert.deepEqual(
      problems.filter((text) => !text.includes('favicon')),
      [],
    )
  } finally {
    await browser.close()
  }
})

test('in Chromium: another site can neither read, frame nor press the page', { skip }, async () => {
  await using api = await startTestApi(accountSection())
  await api.user()
  const redirect = `${api.url}/_matrix/client/v3/login/sso/redirect`
  await using evil = await startClient('<title>evil</title><body>')
  const browser = await launch()
  try {
    const page = await browser.newPage()
    await page.goto(evil.origin.replace('127.0.0.1', 'localhost'))
    const target = `${redirect}?redirectUrl=${encodeURIComponent(evil.origin)}`
    const read = await page.evaluate(
      (url) =>
        fetch(url).then(
          (answer) => answer.text(),
          () => 'refused',
        ),
      target,
    )
    assert.equal(read, 'refused')
    const pressed = page.waitForResponse((response) => response.request().method() === 'POST')
    await page.evaluate(`
      const form = document.body.appendChild(document.createElement('form'))
      form.method = 'post'
      form.action = ${JSON.stringify(redirect)}
      form.submit()`)
    assert.equal((await pressed).status(), 403)
  } finally {
    await browser.close()
  }
})

test('in Chromium: the confirmation page tells the client that opened it', { skip }, async () => {
  await using api = await startTestApi(accountSection())
  const as = await api.user()
  const ask = await api.request('POST', '/_matrix/client/v3/account/password', { as, body: { new_password: 'x' } })
  const address = `${api.url}/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${ask.body.session}`
  await using client = await startClient('<title>client</title>')
  const browser = await launch()
  try {
    const page = await browser.newPage()
    await page.goto(client.origin)
    const told = page.evaluate(
      "new Promise((resolve) => addEventListener('message', (event) => resolve([event.data, event.origin])))",
    )
    const opened = page.evaluate(`void open(${JSON.stringify(address)})`)
    const [popup] = await Promise.all([page.waitForEvent('popup'), opened])
    await popup.getByRole('button', { name: 'Yes, that is me' }).click()
    assert.deepEqual(await told, ['authDone', api.url])
    const body = { new_password: 'x', auth: { session: ask.body.session } }
    assert.equal((await api.request('POST', '/_matrix/client/v3/account/password', { as, body })).status, 200)
  } finally {
    await browser.close()
  }
})
