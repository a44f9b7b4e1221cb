import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { SiteFile } from './static-site.ts'

/** Where the Rust crypto's loader looks for its WASM, relative to the script that it is bundled into. */
const WASM_PATH = 'pkg/matrix_sdk_crypto_wasm_bg.wasm'

/**
 * The files of a page that runs `entry` (a TypeScript module that may import matrix-js-sdk): `/`, `/page.js`, and the Rust
 * crypto's WASM, which the browser fetches and compiles as it streams.
 */
export async function bundlePage(entry: string): Promise<Readonly<Record<string, SiteFile>>> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'chrome120',
    logLevel: 'warning',
  })
  return {
    '/': {
      type: 'text/html',
      body: '<!doctype html><title>page</title><script type="module" src="/page.js"></script>',
    },
    '/page.js': { type: 'text/javascript', body: outputFiles[0]?.contents ?? '' },
    [`/${WASM_PATH}`]: { type: 'application/wasm', body: await readFile(wasmFile()) },
  }
}

/** It belongs to matrix-js-sdk, so it is found from there. */
function wasmFile(): string {
  const sdk = createRequire(import.meta.resolve('matrix-js-sdk'))
  return join(sdk.resolve('@matrix-org/matrix-sdk-crypto-wasm'), '..', WASM_PATH)
}
