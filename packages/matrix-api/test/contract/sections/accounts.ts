import { PASSWORD } from '../contract-world.ts'
import { notOffered, operation, type Section } from '../operation.ts'

const NO_THIRD_PARTY_IDS = 'no mail, no SMS, no identity server: M_THREEPID_DENIED'
const EMAIL = { client_secret: 'secret', email: 'bob@example.org', send_attempt: 1 }
const PHONE = { client_secret: 'secret', country: 'GB', phone_number: '07700900001', send_attempt: 1 }
const V3 = '/_matrix/client/v3'

const SSO_NOTE = 'the node is its own identity provider: 200 with a page of one button, where the spec redirects to one'

const passwordOf = (userId: string, password = PASSWORD) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: userId },
  password,
})

/** Operations that ask for a validation token by mail or SMS. */
const VALIDATIONS: readonly (readonly [id: string, path: string, body: object])[] = [
  ['requestTokenTo3PIDEmail', `${V3}/account/3pid/email/requestToken`, EMAIL],
  ['requestTokenTo3PIDMSISDN', `${V3}/account/3pid/msisdn/requestToken`, PHONE],
  ['requestTokenToResetPasswordEmail', `${V3}/account/password/email/requestToken`, EMAIL],
  ['requestTokenToResetPasswordMSISDN', `${V3}/account/password/msisdn/requestToken`, PHONE],
  ['requestTokenToRegisterEmail', `${V3}/register/email/requestToken`, EMAIL],
  ['requestTokenToRegisterMSISDN', `${V3}/register/msisdn/requestToken`, PHONE],
]

export const THIRD_PARTY_IDS: Section = {
  title: 'Adding account administrative contact information',
  operations: [
    operation('getAccount3PIDs', `GET ${V3}/account/3pid`, ({ ok, bob }) => ok({ as: bob })),
    notOffered('post3PIDs', `POST ${V3}/account/3pid`, NO_THIRD_PARTY_IDS, ({ fails, bob }) =>
      fails(403, 'M_THREEPID_DENIED', {
        as: bob,
        body: { three_pid_creds: { client_secret: 'a', id_access_token: 'b', id_server: 'id.test', sid: 'c' } },
      }),
    ),
    notOffered('add3PID', `POST ${V3}/account/3pid/add`, NO_THIRD_PARTY_IDS, ({ fails, bob }) =>
      fails(403, 'M_THREEPID_DENIED', { as: bob, body: { client_secret: 'a', sid: 'b' } }),
    ),
    notOffered('bind3PID', `POST ${V3}/account/3pid/bind`, NO_THIRD_PARTY_IDS, ({ fails, bob }) =>
      fails(403, 'M_THREEPID_DENIED', {
        as: bob,
        body: { client_secret: 'a', id_access_token: 'b', id_server: 'id.test', sid: 'c' },
      }),
    ),
    ...(['delete', 'unbind'] as const).map((verb) =>
      notOffered(
        `${verb}3pidFromAccount`,
        `POST ${V3}/account/3pid/${verb}`,
        'no account has any: M_THREEPID_NOT_FOUND',
        ({ fails, bob }) =>
          fails(404, 'M_THREEPID_NOT_FOUND', { as: bob, body: { address: 'bob@example.org', medium: 'email' } }),
      ),
    ),
    ...VALIDATIONS.map(([id, path, body]) =>
      notOffered(id, `POST ${path}`, NO_THIRD_PARTY_IDS, ({ fails }) => fails(403, 'M_THREEPID_DENIED', { body })),
    ),
  ],
}

export const ACCOUNTS: Section = {
  title: 'Account registration and management',
  operations: [
    operation('register', `POST ${V3}/register`, async ({ ok, fails, bob }) => {
      const wanted = { username: 'newcomer', password: PASSWORD }
      const { session } = (await fails(401, undefined, { body: wanted })) as { session: string }
      await ok({ query: { kind: 'user' }, body: { ...wanted, auth: { type: 'm.login.dummy', session } } })
      await fails(400, 'M_USER_IN_USE', { body: { username: bob.userId.slice(1, 4) } })
      await fails(400, 'M_INVALID_USERNAME', { body: { username: 'No Spaces' } })
      await fails(403, 'M_GUEST_ACCESS_FORBIDDEN', { query: { kind: 'guest' }, body: {} })
    }),
    operation('checkUsernameAvailability', `GET ${V3}/register/available`, async ({ ok, fails }) => {
      await ok({ query: { username: 'somebody-new' } })
      await fails(400, 'M_USER_IN_USE', { query: { username: 'bob' } })
      await fails(400, 'M_MISSING_PARAM')
    }),
    operation(
      'registrationTokenValidity',
      'GET /_matrix/client/v1/register/m.login.registration_token/validity',
      async ({ ok, fails }) => {
        await ok({ query: { token: 'not-one' } })
        await fails(400, 'M_MISSING_PARAM')
      },
    ),
    operation('changePassword', `POST ${V3}/account/password`, async ({ ok, fails, member }) => {
      const user = await member()
      const { session } = (await fails(401, undefined, { as: user, body: { new_password: 'new password' } })) as {
        session: string
      }
      const wrong = { ...passwordOf(user.userId, 'wrong'), session }
      await fails(401, 'M_FORBIDDEN', { as: user, body: { new_password: 'new password', auth: wrong } })
      await ok({ as: user, body: { new_password: 'new password', auth: { ...passwordOf(user.userId), session } } })
    }),
    operation('deactivateAccount', `POST ${V3}/account/deactivate`, async ({ ok, fails, member, alice }) => {
      const user = await member()
      const { session } = (await fails(401, undefined, { as: user, body: {} })) as { session: string }
      await ok({ as: user, body: { erase: true, auth: { ...passwordOf(user.userId), session } } })
      await fails(401, 'M_UNKNOWN_TOKEN', { as: user, body: {} })
      await fails(403, 'M_FORBIDDEN', { as: alice, body: {} })
    }),
    operation('getTokenOwner', `GET ${V3}/account/whoami`, async ({ ok, fails, bob }) => {
      await ok({ as: bob })
      await fails(401, 'M_UNKNOWN_TOKEN', { as: 'never-issued' })
    }),
  ],
}

export const LOGIN: Section = {
  title: 'Login',
  operations: [
    operation('getLoginFlows', `GET ${V3}/login`, async ({ ok, fails }) => {
      await ok()
      await fails(405, 'M_UNRECOGNIZED', {}, 'DELETE')
    }),
    operation('login', `POST ${V3}/login`, async ({ ok, fails, member }) => {
      const user = await member()
      await ok({ body: { ...passwordOf(user.userId), refresh_token: true, initial_device_display_name: 'Laptop' } })
      await fails(403, 'M_FORBIDDEN', { body: passwordOf(user.userId, 'wrong') })
      await fails(400, 'M_UNKNOWN', { body: { type: 'org.example.telepathy' } })
      await fails(400, 'M_NOT_JSON', { raw: '{"type":' })
    }),
    operation('generateLoginToken', 'POST /_matrix/client/v1/login/get_token', async ({ ok, fails, other, member }) => {
      const user = await member()
      const { session } = (await fails(401, undefined, { as: user, body: {} })) as { session: string }
      const { login_token: token } = await ok({ as: user, body: { auth: { ...passwordOf(user.userId), session } } })
      await other('login', { body: { type: 'm.login.token', token } })
    }),
    operation('refresh', `POST ${V3}/refresh`, async ({ ok, fails, other, member }) => {
      const user = await member()
      const { refresh_token } = await other('login', { body: { ...passwordOf(user.userId), refresh_token: true } })
      await ok({ body: { refresh_token } })
      await fails(401, 'M_UNKNOWN_TOKEN', { body: { refresh_token: 'never-issued' } })
    }),
    operation('logout', `POST ${V3}/logout`, async ({ ok, fails, person }) => {
      const user = await person()
      await ok({ as: user })
      await fails(401, 'M_UNKNOWN_TOKEN', { as: user })
    }),
    operation('logout_all', `POST ${V3}/logout/all`, async ({ ok, fails, person }) => {
      const user = await person()
      await ok({ as: user })
      await fails(401, 'M_UNKNOWN_TOKEN', { as: user })
    }),
    notOffered(
      'getAuthMetadata',
      'GET /_matrix/client/v1/auth_metadata',
      'no OAuth 2.0 server: the 404 by which clients fall back to the legacy API',
      ({ fails }) => fails(404, 'M_UNRECOGNIZED'),
    ),
    operation(
      'redirectToSSO',
      `GET ${V3}/login/sso/redirect`,
      async ({ page, failsWithPage }) => {
        await page({ query: { redirectUrl: 'http://127.0.0.1:8009/' } })
        await failsWithPage(400, {})
      },
      SSO_NOTE,
    ),
    operation(
      'redirectToIdP',
      `GET ${V3}/login/sso/redirect/{idpId}`,
      async ({ page, failsWithPage }) => {
        await page({ path: { idpId: 'this-device' }, query: { redirectUrl: 'http://127.0.0.1:8009/' } })
        await failsWithPage(404, { path: { idpId: 'elsewhere' }, query: { redirectUrl: 'http://127.0.0.1:8009/' } })
      },
      SSO_NOTE,
    ),
  ],
}

export const ADMINISTRATION: Section = {
  title: 'Server administration',
  operations: [
    operation('getWhoIs', `GET ${V3}/admin/whois/{userId}`, async ({ ok, fails, alice, bob }) => {
      await ok({ as: bob, path: { userId: bob.userId } })
      await ok({ as: alice, path: { userId: bob.userId } })
      await fails(403, 'M_FORBIDDEN', { as: bob, path: { userId: alice.userId } })
    }),
    ...(['lock', 'suspend'] as const).flatMap((verb) => {
      const [name, key] = verb === 'lock' ? ['AdminLockUser', 'locked'] : ['AdminSuspendUser', 'suspended']
      const path = `/_matrix/client/v1/admin/${verb}/{userId}`
      return [
        operation(`get${name}`, `GET ${path}`, async ({ ok, fails, alice, bob, nobodys }) => {
          await ok({ as: alice, path: { userId: bob.userId } })
          await fails(403, 'M_FORBIDDEN', { as: bob, path: { userId: alice.userId } })
          await fails(404, 'M_NOT_FOUND', { as: alice, path: { userId: nobodys.user } })
          await fails(400, 'M_INVALID_PARAM', { as: alice, path: { userId: '@bob:elsewhere.test' } })
        }),
        operation(`set${name}`, `PUT ${path}`, async ({ ok, fails, alice, bob, person }) => {
          const user = await person()
          await ok({ as: alice, path: { userId: user.userId }, body: { [key]: true } })
          await fails(403, 'M_FORBIDDEN', { as: bob, path: { userId: user.userId }, body: { [key]: true } })
          await fails(403, 'M_FORBIDDEN', { as: alice, path: { userId: alice.userId }, body: { [key]: true } })
          await fails(400, 'M_MISSING_PARAM', { as: alice, path: { userId: user.userId }, body: {} })
        }),
      ]
    }),
  ],
}
