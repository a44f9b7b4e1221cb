import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'

const ACCOUNT = '/_matrix/client/v3/account'

/** This node sends no mail and no SMS and knows no identity server: the spec's own refusals, per operation. */
const REFUSALS: readonly { readonly path: string; readonly errcode: string; readonly auth: 'none' | 'token' }[] = [
  { path: '/_matrix/client/v3/register/email/requestToken', errcode: 'M_THREEPID_DENIED', auth: 'none' },
  { path: '/_matrix/client/v3/register/msisdn/requestToken', errcode: 'M_THREEPID_DENIED', auth: 'none' },
  { path: `${ACCOUNT}/password/email/requestToken`, errcode: 'M_THREEPID_DENIED', auth: 'none' },
  { path: `${ACCOUNT}/password/msisdn/requestToken`, errcode: 'M_THREEPID_DENIED', auth: 'none' },
  { path: `${ACCOUNT}/3pid/email/requestToken`, errcode: 'M_THREEPID_DENIED', auth: 'none' },
  { path: `${ACCOUNT}/3pid/msisdn/requestToken`, errcode: 'M_THREEPID_DENIED', auth: 'none' },
  { path: `${ACCOUNT}/3pid`, errcode: 'M_THREEPID_DENIED', auth: 'token' },
  { path: `${ACCOUNT}/3pid/add`, errcode: 'M_THREEPID_DENIED', auth: 'token' },
  { path: `${ACCOUNT}/3pid/bind`, errcode: 'M_THREEPID_DENIED', auth: 'token' },
]

/** Client-Server API, "Adding Account Administrative Contact Information": an account here has none, and can get none. */
export function thirdPartyIdEndpoints(): readonly Endpoint[] {
  return [
    ...REFUSALS.map(({ path, errcode, auth }) =>
      endpoint({
        method: 'POST',
        path,
        auth,
        async handle() {
          throw new MatrixError(403, errcode, 'This server takes no email addresses or phone numbers')
        },
      }),
    ),
    endpoint({ method: 'GET', path: `${ACCOUNT}/3pid`, auth: 'token', handle: async () => ({ threepids: [] }) }),
    ...['delete', 'unbind'].map((verb) =>
      endpoint({
        method: 'POST',
        path: `${ACCOUNT}/3pid/${verb}`,
        auth: 'token',
        async handle() {
          throw new MatrixError(404, 'M_THREEPID_NOT_FOUND', 'No such address or number belongs to this account')
        },
      }),
    ),
  ]
}
