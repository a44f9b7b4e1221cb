import { eventually, PAGE_LIMIT_MS, type StarlingProcess } from '@starling/testkit'
import type { Browser, Locator, Page } from 'playwright-core'
import { elementUrl } from './browser-node.ts'

/** An answer of the client API that is no success. */
export interface Refusal {
  readonly status: number
  readonly method: string
  /** Without ids and query. */
  readonly path: string
}

export interface WindowSize {
  readonly width: number
  readonly height: number
}

const DEFAULT_SIZE: WindowSize = { width: 1_000, height: 720 }

/** What Element offers again and again, and the button with which a person says no to it. */
const NOT_NOW = /^(Dismiss|Not now|Later|Skip|OK)$/

/** Width of Element's room list, in its own pixels: the narrowest that it takes. */
const ROOM_LIST_WIDTH = '224'

/**
 * A person in front of Element Web: does what they do, by what they see (English labels), in a browser profile of their own.
 */
export class ElementWindow implements AsyncDisposable {
  readonly page: Page
  readonly refusals: Refusal[] = []

  private constructor(node: StarlingProcess, page: Page) {
    this.page = page
    page.setDefaultTimeout(PAGE_LIMIT_MS)
    page.on('response', (response) => {
      const url = new URL(response.url())
      if (url.origin !== node.info.client_api || response.status() < 400) return
      const path = url.pathname.replace(/(%21|!|%40|@|%24|\$)[^/]+/g, '*')
      this.refusals.push({ status: response.status(), method: response.request().method(), path })
    })
  }

  /** Opens Element where the node serves it, and logs in with one click. */
  static async logIn(browser: Browser, node: StarlingProcess, size = DEFAULT_SIZE): Promise<ElementWindow> {
    const context = await browser.newContext({ viewport: size, locale: 'en-GB', colorScheme: 'light' })
    const width = JSON.stringify(ROOM_LIST_WIDTH)
    await context.addInitScript(`localStorage.setItem('mx_lhs_size', ${width})`)
    const window = new ElementWindow(node, await context.newPage())
    const { page } = window
    await page.goto(elementUrl(node))
    await page.getByRole('button', { name: 'Log in', exact: true }).click()
    await page.getByText('Send a Direct Message').waitFor()
    await page.addLocatorHandler(window.#offers().first(), () => window.#refuseOffers(), { noWaitAfter: true })
    return window
  }

  /** Finds somebody and writes to them for the first time: a new direct chat, and they are invited. */
  async startChat(term: string, displayName: string, firstMessage: string): Promise<void> {
    await this.page.getByText('Send a Direct Message').click()
    const dialog = this.page.getByRole('dialog')
    await dialog.getByRole('textbox').first().fill(term)
    await dialog.getByRole('button').filter({ hasText: displayName }).first().click()
    await dialog.getByRole('button', { name: 'Go' }).click()
    await this.say(firstMessage)
    await this.page.getByRole('textbox', { name: /encrypted message/ }).waitFor()
  }

  async acceptChat(from: string): Promise<void> {
    await this.page.getByRole('treeitem', { name: new RegExp(from) }).click()
    await this.page.getByRole('button', { name: 'Start chatting' }).click()
    await this.page.getByRole('textbox', { name: /encrypted message/ }).waitFor()
  }

  async say(text: string): Promise<void> {
    const composer = this.page.getByRole('textbox', { name: /message/ })
    await composer.fill(text)
    await composer.press('Enter')
    await this.waitForMessage(text)
  }

  /** Until a message with this text stands in the conversation, decrypted. */
  async waitForMessage(text: string): Promise<void> {
    await this.page.getByRole('listitem').getByText(text, { exact: true }).waitFor()
  }

  /** Says no to whatever is offered, until nothing is. */
  async dismissOffers(): Promise<void> {
    await eventually('no more offers', async () => {
      await this.#refuseOffers()
      return (await this.#offers().count()) === 0
    })
  }

  /** Until everything is read: Element counts what is not in the window's title. */
  async waitUntilRead(): Promise<void> {
    await eventually('everything is read', async () => !/\[\d+\]/.test(await this.page.title()))
  }

  /** Moves the mouse and the keyboard out of the way, so that nothing is highlighted. */
  async rest(): Promise<void> {
    await this.page.mouse.move(1, this.page.viewportSize()?.height ?? 1)
    await this.page.evaluate('document.activeElement?.blur()')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close()
  }

  #offers(): Locator {
    return this.page.getByRole('button', { name: NOT_NOW })
  }

  /** Clicks in the page itself: an offer may go away by itself, which is as good. */
  #refuseOffers(): Promise<void> {
    return this.#offers().evaluateAll((buttons: { click(): void }[]) => {
      for (const button of buttons) button.click()
    })
  }
}
