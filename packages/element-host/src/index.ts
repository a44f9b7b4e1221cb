/**
 * @packageDocumentation
 * Fetches (pinned release, pinned digest), verifies, configures and serves Element Web.
 *
 * ```ts
 * const host = new ElementHost({ cacheDir, release: PINNED_RELEASE, source: undefined, logger })
 * host.start()
 * const app = createElementApp({ state: () => host.state, serverName, clientApiFor: () => url, allowedHosts })
 * ```
 */
export { createElementApp, type ElementAppOptions } from './element-app.ts'
export { ElementError, type ElementErrorCode } from './element-error.ts'
export { ElementHost, type ElementHostOptions } from './element-host.ts'
export type { ElementState } from './element-state.ts'
export type { Progress } from './fetch-release.ts'
export { type ElementRelease, PINNED_RELEASE } from './release.ts'
