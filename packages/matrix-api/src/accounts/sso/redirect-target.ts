/** Where a login leads back to. */
export interface RedirectTarget {
  readonly url: URL
  /** What the owner is shown: the origin of a web page, the scheme of an app. */
  readonly shown: string
  /** For the page's content security policy. */
  readonly source: string
  readonly trusted: boolean
}

/** Schemes that run or show something instead of leading anywhere. */
const FORBIDDEN_SCHEMES: ReadonlySet<string> = new Set([
  'javascript:',
  'data:',
  'vbscript:',
  'blob:',
  'file:',
  'about:',
  'filesystem:',
  'view-source:',
])

const MAX_URL_LENGTH = 4_096

/** Undefined for what no client's address can be. Trusted are exact origins only, never prefixes. */
export function parseRedirectTarget(text: string, trustedOrigins: readonly string[]): RedirectTarget | undefined {
  if (text.length > MAX_URL_LENGTH || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if (FORBIDDEN_SCHEMES.has(url.protocol) || url.username !== '' || url.password !== '') return undefined
  if (url.protocol === 'http:' || url.protocol === 'https:') {
    return { url, shown: url.origin, source: url.origin, trusted: trustedOrigins.includes(url.origin) }
  }
  return { url, shown: `the app that opens ${url.protocol} links`, source: url.protocol, trusted: false }
}

/** The address with the login token in its query, in place of any that stood there. */
export function withLoginToken(url: URL, loginToken: string): string {
  const target = new URL(url)
  target.searchParams.set('loginToken', loginToken)
  return target.href
}
