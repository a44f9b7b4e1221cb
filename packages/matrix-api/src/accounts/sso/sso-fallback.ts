import { type Call, type Endpoint, endpoint } from '../../http/endpoint.ts'
import type { AccountDeps } from '../deps.ts'
import { isOnThisDevice } from '../on-this-device.ts'
import { REGISTRATION_TOKEN_STAGE } from '../registration-token.ts'
import { showErrorPage } from './error-page.ts'
import { FallbackAttempts } from './fallback-attempts.ts'
import { sendPage } from './page.ts'
import { isSameOrigin, readForm } from './page-form.ts'
import { showTokenPage, takeToken } from './registration-token-fallback.ts'

const PATH = '/_matrix/client/v3/auth/{authType}/fallback/web'
const SSO = 'm.login.sso'
/** The words that the spec lays down ("Fallback"): how the page tells the client that the stage is done. */
const TELL_THE_CLIENT =
  'if (window.onAuthDone) { window.onAuthDone() } else if (window.opener && window.opener.postMessage) { window.opener.postMessage("authDone", "*") }'

/**
 * The page on which the owner confirms, on this device, what a client wants to do (Client-Server API, "SSO during
 * User-Interactive Authentication"). It names the operation, since that is what the owner says yes to.
 */
export function ssoFallback(deps: AccountDeps): readonly Endpoint[] {
  const attempts = new FallbackAttempts(deps)
  return [
    endpoint({
      method: 'GET',
      path: PATH,
      auth: 'none',
      rate: 'search',
      showError: showErrorPage,
      async handle(call) {
        await showPage(deps, attempts, call)
        return undefined
      },
    }),
    endpoint({
      method: 'POST',
      path: PATH,
      auth: 'none',
      rate: 'login',
      showError: showErrorPage,
      body: 'raw',
      async handle(call) {
        await pressButton(deps, attempts, call)
        return undefined
      },
    }),
  ]
}

async function showPage(deps: AccountDeps, attempts: FallbackAttempts, call: Call<'none'>): Promise<void> {
  const session = call.query.session ?? ''
  const operation = await admittedOperation(deps, call, session)
  if (operation === undefined) return
  if (call.params.authType === REGISTRATION_TOKEN_STAGE) return showTokenPage(attempts, call, session)
  sendPage(call.response, 200, {
    title: 'Is that you?',
    paragraphs: [`A Matrix client that is logged in to your account wants to: ${operation}.`],
    warning: 'If you did not ask for this, close the page: somebody else may be using your account.',
    form: {
      action: PATH.replace('{authType}', SSO),
      fields: { attempt: attempts.open(session) },
      button: 'Yes, that is me',
    },
  })
}

async function pressButton(deps: AccountDeps, attempts: FallbackAttempts, call: Call<'none'>): Promise<void> {
  const form = await readForm(call.request)
  const session = attempts.take(form.get('attempt'))
  if (session === undefined || !isSameOrigin(call.request)) return refuse(call, 403, 'This page is too old. Try again.')
  if ((await admittedOperation(deps, call, session)) === undefined) return
  const { authType = '' } = call.params
  if (authType === REGISTRATION_TOKEN_STAGE && !takeToken(deps, attempts, call, session, form)) return
  deps.uiaSessions.complete(session, authType)
  sendPage(call.response, 200, {
    title: 'Done',
    paragraphs: ['You can close this page and go on in your Matrix client.'],
    script: TELL_THE_CLIENT,
  })
}

/** What the session is for, where the owner may confirm it here; sends the page that says why not. */
async function admittedOperation(deps: AccountDeps, call: Call<'none'>, session: string): Promise<string | undefined> {
  const scope = deps.uiaSessions.scope(session)
  const { authType } = call.params
  if (authType === REGISTRATION_TOKEN_STAGE && deps.registration.mode === 'token') {
    if (scope?.operation === 'register') return scope.operation
    refuse(call, 404, 'There is nothing to confirm (any more). Try again in your Matrix client.')
  } else if (authType !== SSO) refuse(call, 404, 'This server has no such page.')
  else if (!isOnThisDevice(call.request)) refuse(call, 403, 'Open this on the device that the node runs on.')
  else if (!scope) refuse(call, 404, 'There is nothing to confirm (any more). Try again in your Matrix client.')
  else if (!scope.userId || !(await deps.accounts.isOwner(scope.userId))) {
    refuse(call, 403, 'Only the owner of this node can confirm here.')
  } else return scope.operation
  return undefined
}

function refuse(call: Call<'none'>, status: number, text: string): void {
  sendPage(call.response, status, { title: 'Not possible', paragraphs: [text] })
}
