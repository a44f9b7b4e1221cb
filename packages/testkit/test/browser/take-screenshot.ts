/**
 * Takes `docs/two-people-talking.png`: two nodes, two people, each in front of Element Web, an encrypted direct chat.
 *
 *   ELEMENT_DIR=… node packages/testkit/test/browser/take-screenshot.ts [FILE]
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { openBrowser } from '@starling/testkit'
import type { Browser } from 'playwright-core'
import { introduce } from './browser-node.ts'
import { ElementWindow } from './element-window.ts'

const PICTURE = fileURLToPath(import.meta.resolve('../../../../docs/two-people-talking.png'))

const WINDOW = { width: 900, height: 660 }

const FIRST = 'Hi Grace! Can you read this?'

/** Who says what after the first message; both see each line before the next is said. */
const CONVERSATION: readonly (readonly ['ada' | 'grace', string])[] = [
  ['grace', 'Loud and clear. Whose server is this?'],
  ['ada', 'Nobody else’s. My half runs on my laptop, yours on yours.'],
  ['grace', 'So there is nothing in between?'],
  ['ada', 'Only the Wi-Fi, and that sees nothing but noise.'],
  ['grace', 'Lovely. Tea at four?'],
  ['ada', 'Tea at four. I bring the cake.'],
]

const FRAME = `
body { margin: 0; padding: 28px; display: flex; gap: 28px; background: linear-gradient(120deg, #d8e6ee, #e9e4f3); font: 600 15px system-ui, sans-serif; color: #33424f; }
figure { margin: 0; border-radius: 10px; overflow: hidden; background: #fff; box-shadow: 0 4px 18px #1b2a3a40; }
figcaption { padding: 8px 14px; text-align: center; background: #f1f4f7; border-bottom: 1px solid #d6dde3; }
img { display: block; }`

await takePicture(process.argv[2] ?? PICTURE)

async function takePicture(file: string): Promise<void> {
  const elementDir = process.env.ELEMENT_DIR
  if (elementDir === undefined || elementDir === '') throw new Error('needs a folder of Element Web in ELEMENT_DIR')
  await using nodes = await introduce(elementDir, 'Ada', 'Grace')
  await using browser = await openBrowser()
  await using ada = await ElementWindow.logIn(browser, nodes.one, WINDOW)
  await using grace = await ElementWindow.logIn(browser, nodes.other, WINDOW)
  await ada.startChat(nodes.other.info.user_id, 'Grace', FIRST)
  await grace.acceptChat('Ada')
  await grace.waitForMessage(FIRST)
  for (const [who, text] of CONVERSATION) {
    await (who === 'ada' ? ada : grace).say(text)
    await (who === 'ada' ? grace : ada).waitForMessage(text)
  }
  const pictures = await Promise.all([ada, grace].map((window) => picture(window)))
  await writeFile(file, await sideBySide(browser, pictures, ['On Ada’s computer', 'On Grace’s computer']))
}

async function picture(window: ElementWindow): Promise<string> {
  await window.dismissOffers()
  await window.waitUntilRead()
  await window.rest()
  return (await window.page.screenshot({ animations: 'disabled', caret: 'hide' })).toString('base64')
}

async function sideBySide(browser: Browser, pictures: readonly string[], titles: readonly string[]): Promise<Buffer> {
  const page = await browser.newPage({ viewport: { width: 2 * WINDOW.width + 3 * 28, height: WINDOW.height } })
  const figures = pictures.map(
    (png, index) =>
      `<figure><figcaption>${titles[index]}</figcaption><img src="data:image/png;base64,${png}"></figure>`,
  )
  await page.setContent(`<!doctype html><style>${FRAME}</style>${figures.join('')}`)
  return page.screenshot({ fullPage: true })
}
