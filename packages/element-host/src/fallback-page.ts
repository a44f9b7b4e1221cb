import type { ElementState } from './element-state.ts'

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f4f6f8; color: #17212b; }
main { max-width: 34rem; margin: 1rem; padding: 2rem; border-radius: 12px; background: #fff; box-shadow: 0 1px 8px #0002; }
h1 { margin: 0 0 1rem; font-size: 1.35rem; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.1rem; }
p { overflow-wrap: anywhere; }
code { padding: .1em .35em; border-radius: 4px; background: #eef1f4; }
.address code { display: block; padding: .5rem .75rem; border-radius: 8px; user-select: all; }
progress { width: 100%; height: .75rem; accent-color: #0b6e99; }
@media (prefers-color-scheme: dark) {
  body { background: #10161c; color: #e6edf3; }
  main { background: #1a232c; }
  code { background: #10161c; }
}`

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
${STYLE}
</style>
</head>
<body>
<main>
<h1>Your node is running</h1>
${statusOf(state)}
<h2>Any Matrix client works</h2>
<p>Open a Matrix client on this device and give it this homeserver address:</p>
<p class="address"><code id="client-api">${escapeHtml(clientApi)}</code></p>
<p>Then choose to sign in with SSO and press the one button on the page that opens.</p>
</main>
</body>
</html>
`
}

const FETCHED_LATER = `It is fetched at the next start with internet. Without internet, start the node with
<code>--element-dir</code> and a folder or <code>.tar.gz</code> of Element Web.`

const CHOSEN_OTHERWISE = `Start the node with <code>--element-dir</code> and a folder or <code>.tar.gz</code> of Element Web, or
without it to fetch the release.`

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
<p>${state.source === undefined ? FETCHED_LATER : CHOSEN_OTHERWISE}</p>`
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
