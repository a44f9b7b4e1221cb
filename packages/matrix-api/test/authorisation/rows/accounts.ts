import { ALICES, changingRow, FORBIDDEN, NOT_FOUND, nobody, OWN, PUBLIC, type Row, row, toAll } from '../matrix.ts'

const DENIED = '403 M_THREEPID_DENIED'
const UNRECOGNIZED = '404 M_UNRECOGNIZED'
const NO_THREEPID = '404 M_THREEPID_NOT_FOUND'
const EMAIL = { client_secret: 'secret', email: 'alice@example.org', send_attempt: 1 }
const PHONE = { client_secret: 'secret', country: 'GB', phone_number: '07700900001', send_attempt: 1 }
const ADDRESS = { address: 'alice@example.org', medium: 'email' }
const redirectUrl = 'http://127.0.0.1:8009/'

/** Discovery, accounts, login, administration. */
export const accountRows: readonly Row[] = [
  row('getWellknown', PUBLIC),
  row('getWellknownPolicy', nobody(NOT_FOUND)),
  row('getWellknownSupport', nobody(NOT_FOUND)),
  row('getVersions', PUBLIC),
  row('getCapabilities', OWN),
  row('register', nobody('401'), { body: { username: 'someone-new', password: 'long enough a password' } }),
  row('checkUsernameAvailability', nobody('400 M_USER_IN_USE'), { query: { username: 'alice' } }),
  row('registrationTokenValidity', PUBLIC, { query: { token: 'guess' } }),
  // None of them has a password to confirm with, and this is not their device.
  row('changePassword', toAll(FORBIDDEN), { body: { new_password: 'long enough a password' } }),
  row('deactivateAccount', toAll(FORBIDDEN), { body: {} }),
  row('getTokenOwner', OWN),
  row('getLoginFlows', PUBLIC),
  row('login', nobody(FORBIDDEN), ({ alice }) => ({
    body: { type: 'm.login.password', identifier: { type: 'm.id.user', user: alice.userId }, password: 'guess' },
  })),
  row('generateLoginToken', toAll(FORBIDDEN), { body: {} }),
  row('refresh', nobody('401 M_UNKNOWN_TOKEN'), { body: { refresh_token: 'guess' } }),
  changingRow('logout', OWN),
  changingRow('logout_all', OWN),
  row('getAuthMetadata', nobody(UNRECOGNIZED)),
  row('redirectToSSO', PUBLIC, { query: { redirectUrl } }),
  row('redirectToIdP', PUBLIC, { query: { redirectUrl } }),
  row('getAccount3PIDs', OWN),
  row('post3PIDs', toAll(DENIED), { body: { three_pid_creds: {} } }),
  row('add3PID', toAll(DENIED), { body: { client_secret: 'a', sid: 'b' } }),
  row('bind3PID', toAll(DENIED), { body: {} }),
  row('delete3pidFromAccount', toAll(NO_THREEPID), { body: ADDRESS }),
  row('unbind3pidFromAccount', toAll(NO_THREEPID), { body: ADDRESS }),
  row('requestTokenTo3PIDEmail', nobody(DENIED), { body: EMAIL }),
  row('requestTokenTo3PIDMSISDN', nobody(DENIED), { body: PHONE }),
  row('requestTokenToResetPasswordEmail', nobody(DENIED), { body: EMAIL }),
  row('requestTokenToResetPasswordMSISDN', nobody(DENIED), { body: PHONE }),
  row('requestTokenToRegisterEmail', nobody(DENIED), { body: EMAIL }),
  row('requestTokenToRegisterMSISDN', nobody(DENIED), { body: PHONE }),
  row('getWhoIs', ALICES),
  row('getAdminLockUser', ALICES),
  row('setAdminLockUser', ALICES, { body: { locked: true } }),
  row('getAdminSuspendUser', ALICES),
  row('setAdminSuspendUser', ALICES, { body: { suspended: true } }),
  row('getProtocols', OWN),
  row('getProtocolMetadata', toAll(NOT_FOUND)),
  row('queryLocationByProtocol', toAll(NOT_FOUND)),
  row('queryUserByProtocol', toAll(NOT_FOUND)),
  row('queryLocationByAlias', toAll(NOT_FOUND), ({ alias }) => ({ query: { alias } })),
  row('queryUserByID', toAll(NOT_FOUND), ({ alice }) => ({ query: { userid: alice.userId } })),
  row('pingAppservice', nobody(UNRECOGNIZED), { body: {} }),
  row('updateAppserviceRoomDirectoryVisibility', nobody(UNRECOGNIZED), { body: { visibility: 'public' } }),
  row('getTurnServer', OWN),
  row('requestOpenIdToken', ALICES, { body: {} }),
]
