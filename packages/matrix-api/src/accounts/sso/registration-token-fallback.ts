import type { Call } from '../../http/endpoint.ts'
import type { AccountDeps } from '../deps.ts'
import { isRegistrationToken, REGISTRATION_TOKEN_STAGE } from '../registration-token.ts'
import type { FallbackAttempts } from './fallback-attempts.ts'
import { sendPage } from './page.ts'

const TOKEN_INPUT = { name: 'token', label: 'Registration token', maxLength: 200 } as const

/** Asks for the registration token, for clients that do not know that stage (Client-Server API, "Fallback"). */
export function showTokenPage(
  attempts: FallbackAttempts,
  call: Call<'none'>,
  session: string,
  again: { readonly failed?: boolean } = {},
): void {
  sendPage(call.response, again.failed ? 403 : 200, {
    title: 'Registration token',
    paragraphs: ['Whoever runs this node has given you a token with which to make an account here.'],
    ...(again.failed && { warning: 'That was not the token. Try again.' }),
    form: {
      action: `/_matrix/client/v3/auth/${REGISTRATION_TOKEN_STAGE}/fallback/web`,
      fields: { attempt: attempts.open(session) },
      input: TOKEN_INPUT,
      button: 'Go on',
    },
  })
}

/** True where the token was right; else the page has been shown again, as often as the session allows. */
export function takeToken(
  deps: AccountDeps,
  attempts: FallbackAttempts,
  call: Call<'none'>,
  session: string,
  form: URLSearchParams,
): boolean {
  if (isRegistrationToken(deps.registration, (form.get(TOKEN_INPUT.name) ?? '').trim())) return true
  deps.uiaSessions.failed(session)
  showTokenPage(attempts, call, session, { failed: true })
  return false
}
