import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser, skipUnlessChromium } from '@starling/testkit'
import { elementUrl, startNode } from './browser-node.ts'

test('with no Element Web the page says so, and how to use any client; it asks nobody else for anything', async (t) => {
  if (skipUnlessChromium(t)) return
  await using node = await startNode({ elementDir: '/no/such/element' })
  await using browser = await openBrowser()
  const page = await browser.newPage()
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).origin))
  await page.goto(elementUrl(node))
  await page.getByRole('heading', { name: 'Your node is running' }).waitFor()
  assert.match((await page.locator('#status').textContent()) ?? '', /there is no folder or archive \/no\/such\/element/)
  assert.equal(await page.locator('#client-api').textContent(), node.info.client_api)
  assert.match((await page.locator('main').textContent()) ?? '', /--element-dir.*\.tar\.gz/s)
  assert.deepEqual([...new Set(asked)], [elementUrl(node)])
})
