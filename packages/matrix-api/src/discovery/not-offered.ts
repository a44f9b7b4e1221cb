import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'

const V3 = '/_matrix/client/v3'

/** Lookups in third-party networks (bridges), of which there are none: the spec's 404 for each. */
const NOTHING_FOUND: readonly { readonly path: string; readonly error: string }[] = [
  { path: `${V3}/thirdparty/protocol/{protocol}`, error: 'Unknown protocol' },
  { path: `${V3}/thirdparty/location/{protocol}`, error: 'No portal rooms were found' },
  { path: `${V3}/thirdparty/user/{protocol}`, error: 'The Matrix user ID was not found' },
  { path: `${V3}/thirdparty/location`, error: 'No portal rooms were found' },
  { path: `${V3}/thirdparty/user`, error: 'The Matrix user ID was not found' },
]

/** What clients ask every server for and this one has none of: bridges. */
export function notOfferedEndpoints(): readonly Endpoint[] {
  return [
    endpoint({ method: 'GET', path: `${V3}/thirdparty/protocols`, auth: 'token', handle: async () => ({}) }),
    ...NOTHING_FOUND.map(({ path, error }) =>
      endpoint({
        method: 'GET',
        path,
        auth: 'token',
        async handle() {
          throw new MatrixError(404, 'M_NOT_FOUND', error)
        },
      }),
    ),
  ]
}
