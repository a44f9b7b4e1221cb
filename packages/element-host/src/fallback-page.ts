import type { ElementState } from './element-state.ts'

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** The page that stands where Element Web will be, or would be: how far the fetch is, or how to use any other client. */
export function fallbackPage(state: ElementState, clientApi: string): string {
  const refresh =
    state.kind === 'fetching' || state.kind === 'unpacking' ? '<meta http-equiv="refresh" content="2">' : ''
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refresh}
<title>Starling</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 38rem; margin: 4rem auto; padding: 0 1rem; color: #1b1d22; background: #fff; }
code { background: #f0f1f4; padding: .1em .3em; border-radius: 3px; }
progress { width: 100%; height: 1.2rem; }
@media (prefers-color-scheme: dark) { body { color: #e7e8ea; background: #15171b; } code { background: #2a2d34; } }
</style>
</head>
<body>
<h1>Your node is running</h1>
${statusOf(state)}
<h2>Any Matrix client works</h2>
<p>Open a Matrix client on this device and give it this homeserver address:</p>
<p><code id="client-api">${escapeHtml(clientApi)}</code></p>
<p>Then choose to sign in with SSO and press the one button on the page that opens.</p>
</body>
</html>
`
}

function statusOf(state: ElementState): string {
  switch (state.kind) {
    case 'fetching': {
      const { received, total } = state.progress
      const bar =
        total === undefined ? '<progress></progress>' : `<progress max="${total}" value="${received}"></progress>`
      const known = total === undefined ? '' : ` of ${megabytes(total)}`
      return `<p id="status">Fetching Element Web, once: ${megabytes(received)}${known}.</p>${bar}`
    }
    case 'unpacking':
      return '<p id="status">Unpacking Element Web.</p>'
    case 'unavailable':
      return `<p id="status">Element Web is not here yet: ${escapeHtml(state.reason)}.</p>
<p>It is fetched at the next start with internet. Without internet, start the node with
<code>--element-dir</code> and a folder or <code>.tar.gz</code> of Element Web.</p>`
    case 'ready':
      return '<p id="status">Element Web is ready: reload this page.</p>'
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '')
}
