import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Browser, chromium } from 'playwright-core'

/** Names under which systems install Chromium, in order of preference. */
const NAMES: readonly string[] = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** How long Chromium may take to start on a busy machine. Milliseconds. */
const LAUNCH_LIMIT_MS = 60_000

/** How long a page may take for anything it is asked, on a busy machine. Milliseconds. */
export const PAGE_LIMIT_MS = 60_000

/** The system's Chromium: `CHROMIUM_PATH` where it is set, else the first of its names on `PATH`; undefined where there is none. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const { CHROMIUM_PATH: named, PATH: path = '' } = env
  if (named !== undefined && named !== '') return isExecutable(named) ? named : undefined
  const directories = path.split(delimiter).filter((directory) => directory !== '')
  return NAMES.flatMap((name) => directories.map((directory) => join(directory, name))).find(isExecutable)
}

/**
 * Skips the test where there is no Chromium, and says why. True where it was skipped.
 *
 * @example
 * test('a page', async (t) => {
 *   if (skipUnlessChromium(t)) return
 *   await using browser = await openBrowser()
 * })
 */
export function skipUnlessChromium(t: Pick<TestContext, 'skip'>): boolean {
  const why = whyNoChromium()
  if (why !== undefined) t.skip(why)
  return why !== undefined
}

/** Why no page can be opened here; undefined where one can. */
export function whyNoChromium(): string | undefined {
  return findChromium() === undefined
    ? `needs Chromium: none of ${NAMES.join(', ')} on PATH, and CHROMIUM_PATH names none`
    : undefined
}

/** A headless Chromium, closed with everything in it at the end of the scope. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error(whyNoChromium())
  // Root has no user namespaces to sandbox pages in; these pages are the project's own.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath, headless: true, args, timeout: LAUNCH_LIMIT_MS })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') return false
    throw error
  }
}
