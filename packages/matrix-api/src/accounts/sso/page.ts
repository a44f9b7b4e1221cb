import { createHash } from 'node:crypto'
import type { Response } from 'express'

export interface PageForm {
  readonly action: string
  /** Hidden fields. */
  readonly fields: Readonly<Record<string, string>>
  /** Something to fill in, or to leave empty. */
  readonly input?: PageInput
  readonly button: string
}

export interface PageInput {
  readonly name: string
  readonly label: string
  readonly maxLength: number
}

export interface Page {
  readonly title: string
  /** Plain text, one paragraph each. */
  readonly paragraphs: readonly string[]
  /** A user id that the reader should recognise, set apart from the text before it. */
  readonly userId?: string
  /** A paragraph that must not be overlooked. */
  readonly warning?: string
  readonly form?: PageForm
  /** Where the form's answer may redirect to: an origin or a scheme (`element:`), for the content security policy. */
  readonly redirectsTo?: string
  /** Runs when the page is shown. Constant text only. */
  readonly script?: string
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f4f6f8; color: #17212b; }
main { max-width: 26rem; margin: 1rem; padding: 2rem; border-radius: 12px; background: #fff; box-shadow: 0 1px 8px #0002; }
h1 { margin: 0 0 1rem; font-size: 1.35rem; }
p { overflow-wrap: anywhere; }
.warning { padding: .75rem 1rem; border-left: 4px solid #c2410c; background: #fff3ec; }
.user { font: .875rem/1.5 ui-monospace, monospace; padding: .5rem .75rem; border-radius: 8px; background: #f4f6f8; }
label { display: block; margin: 0 0 1rem; font-size: .875rem; }
input:not([type=hidden]) { display: block; box-sizing: border-box; width: 100%; margin-top: .25rem; padding: .625rem .75rem; border: 1px solid #8899a6; border-radius: 8px; background: #fff; color: inherit; font: inherit; }
button { width: 100%; padding: .75rem; border: 0; border-radius: 8px; background: #0b6e99; color: #fff; font: inherit; font-weight: 600; cursor: pointer; }
button:focus-visible { outline: 3px solid #7cc4e4; outline-offset: 2px; }
.warning + form button { background: #c2410c; }
@media (prefers-color-scheme: dark) {
  body { background: #10161c; color: #e6edf3; }
  main { background: #1a232c; }
  .user, input:not([type=hidden]) { background: #10161c; }
  .warning { background: #3a2418; }
}`

/**
 * A page of the node itself. No other site may read it (no CORS), frame it, or have it run anything; it loads nothing from
 * elsewhere. All text is escaped here.
 */
export function sendPage(response: Response, status: number, page: Page): void {
  for (const name of response.getHeaderNames()) {
    if (name.startsWith('access-control-')) response.removeHeader(name)
  }
  const formTargets = ["'self'", ...(page.redirectsTo === undefined ? [] : [page.redirectsTo])].join(' ')
  response.statusCode = status
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.setHeader('cache-control', 'no-store')
  // Not `no-referrer`: browsers would then send `Origin: null` with the form, and say less about where it comes from.
  response.setHeader('referrer-policy', 'same-origin')
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('x-frame-options', 'DENY')
  response.setHeader(
    'content-security-policy',
    [
      "default-src 'none'",
      `style-src ${hashSource(STYLE)}`,
      ...(page.script === undefined ? [] : [`script-src ${hashSource(page.script)}`]),
      `form-action ${formTargets}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
  )
  response.end(render(page))
}

function render(page: Page): string {
  const form = page.form ? renderForm(page.form) : ''
  const script = page.script === undefined ? '' : `<script>${page.script}</script>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(page.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(page.title)}</h1>
${page.paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`).join('\n')}
${page.userId === undefined ? '' : `<p class="user">${escapeHtml(page.userId)}</p>`}
${page.warning === undefined ? '' : `<p class="warning">${escapeHtml(page.warning)}</p>`}
${form}
</main>
${script}
</body>
</html>
`
}

function renderForm({ action, fields, input, button }: PageForm): string {
  const hidden = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  )
  return `<form method="post" action="${escapeHtml(action)}">${hidden.join('')}${input ? renderInput(input) : ''}<button>${escapeHtml(button)}</button></form>`
}

function renderInput({ name, label, maxLength }: PageInput): string {
  const field = `<input name="${escapeHtml(name)}" maxlength="${maxLength}" autocomplete="name">`
  return `<label>${escapeHtml(label)}${field}</label>`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`
}
