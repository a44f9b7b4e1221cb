import type { UserId } from '@starling/protocol'
import { type Call, type Endpoint, endpoint } from '../../http/endpoint.ts'
import { ExpiringMap } from '../../store/expiring-map.ts'
import type { AccountDeps } from '../deps.ts'
import { REDIRECT_TOKEN_LIFE_MS } from '../login-tokens.ts'
import { isOnThisDevice } from '../on-this-device.ts'
import { showErrorPage } from './error-page.ts'
import { sendPage } from './page.ts'
import { isSameOrigin, readForm } from './page-form.ts'
import { parseRedirectTarget, type RedirectTarget, withLoginToken } from './redirect-target.ts'

/** The one "identity provider": this device, whose owner needs no password on it. */
export const IDENTITY_PROVIDER = { id: 'this-device', name: 'This device' } as const

/** People find each other by their names: asked for once, at the first login. */
const NAME_INPUT = {
  name: 'name',
  label: 'Your name, by which others find you (you can leave this empty)',
  maxLength: 100,
} as const

const PATH = '/_matrix/client/v3/login/sso/redirect'

/** A page waits this long for its button. */
const ATTEMPT_LIFE_MS = 10 * 60_000

/** Open pages; when there are more, the oldest one's button says that it is too late. */
const MAX_ATTEMPTS = 500

/**
 * Login on this device (Client-Server API, "Client login via SSO"): `GET` shows a page with one button, `POST` is that
 * button. The token leaves only by the button, whose form holds a secret that no other site can read; an address that is
 * not the node's own is named on the page, and the button then is the owner's explicit yes.
 */
export function ssoRedirect(deps: AccountDeps): readonly Endpoint[] {
  const attempts = new ExpiringMap<string>(deps.clock, { lifeMs: ATTEMPT_LIFE_MS, limit: MAX_ATTEMPTS })
  return [PATH, `${PATH}/{idpId}`].flatMap((path) => [
    endpoint({
      method: 'GET',
      path,
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
      path,
      auth: 'none',
      rate: 'login',
      showError: showErrorPage,
      body: 'raw',
      async handle(call) {
        await pressButton(deps, attempts, call)
        return undefined
      },
    }),
  ])
}

async function showPage(deps: AccountDeps, attempts: ExpiringMap<string>, call: Call<'none'>): Promise<void> {
  const admitted = await admit(deps, call, call.query.redirectUrl ?? '')
  if (!admitted) return
  const { target, owner } = admitted
  const attempt = Buffer.from(deps.randomBytes(32)).toString('base64url')
  attempts.set(attempt, target.url.href)
  const consent: Record<string, string> = target.trusted ? {} : { consent: 'yes' }
  const isNamed = (await deps.ownerName.get(owner)) !== undefined
  sendPage(call.response, 200, {
    title: target.trusted ? 'Log in' : 'Let another program log in?',
    paragraphs: ['On this device you are'],
    userId: owner,
    ...(target.trusted
      ? {}
      : {
          warning: `${target.shown} is not part of this node. If you go on, it can read and write everything in your account. Close this page if you did not ask for it.`,
        }),
    form: {
      action: PATH,
      fields: { attempt, ...consent },
      ...(!isNamed && { input: NAME_INPUT }),
      button: target.trusted ? 'Log in' : `Yes, give ${target.shown} access`,
    },
    redirectsTo: target.source,
  })
}

async function pressButton(deps: AccountDeps, attempts: ExpiringMap<string>, call: Call<'none'>): Promise<void> {
  const form = await readForm(call.request)
  const redirectUrl = attempts.take(form.get('attempt') ?? '')
  if (redirectUrl === undefined || !isSameOrigin(call.request)) {
    sendPage(call.response, 403, {
      title: 'Please start again',
      paragraphs: ['This login was not begun here, or it is too old. Go back to your Matrix client and log in again.'],
    })
    return
  }
  const admitted = await admit(deps, call, redirectUrl)
  if (!admitted) return
  const { target, owner } = admitted
  if (!target.trusted && form.get('consent') !== 'yes') {
    sendPage(call.response, 403, { title: 'Not logged in', paragraphs: [`Nothing was given to ${target.shown}.`] })
    return
  }
  deps.logger.info({ target: target.shown }, 'login on this device confirmed')
  await takeName(deps, owner, form.get(NAME_INPUT.name) ?? '')
  const token = deps.loginTokens.issue(owner, REDIRECT_TOKEN_LIFE_MS)
  call.response.setHeader('referrer-policy', 'no-referrer')
  call.response.setHeader('cache-control', 'no-store')
  call.response.writeHead(303, { location: withLoginToken(target.url, token) }).end()
}

/** A name that the owner has is changed in their client, not here. */
async function takeName(deps: AccountDeps, owner: UserId, given: string): Promise<void> {
  const name = given.trim().replaceAll(/\s+/g, ' ').slice(0, NAME_INPUT.maxLength)
  if (name !== '' && (await deps.ownerName.get(owner)) === undefined) await deps.ownerName.set(owner, name)
}

/** Whether there is a login here at all; sends the page that says why not. */
async function admit(
  deps: AccountDeps,
  call: Call<'none'>,
  redirectUrl: string,
): Promise<{ readonly target: RedirectTarget; readonly owner: UserId } | undefined> {
  const refuse = (status: number, title: string, text: string) => {
    sendPage(call.response, status, { title, paragraphs: [text] })
    return undefined
  }
  const { idpId } = call.params
  if (idpId !== undefined && idpId !== IDENTITY_PROVIDER.id) {
    return refuse(404, 'No such login', 'This server only knows the login on its own device.')
  }
  if (!isOnThisDevice(call.request)) {
    return refuse(403, 'Only on the device itself', 'Open this on the device that the node runs on, or use a password.')
  }
  const owner = await deps.accounts.owner()
  if (!owner) return refuse(403, 'No owner', 'This node has no owner account.')
  const target = parseRedirectTarget(redirectUrl, deps.trustedOrigins())
  if (!target) return refuse(400, 'Bad address', 'The Matrix client gave no address that a login could lead back to.')
  return { target, owner }
}
