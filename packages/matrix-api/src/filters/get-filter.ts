import { endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { ownUserIdOf } from '../rooms/call-params.ts'
import type { FilterStore } from './filter-store.ts'

/** `GET /user/{userId}/filter/{filterId}`: as it was defined. */
export function getFilter(deps: { readonly filters: FilterStore }) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/user/{userId}/filter/{filterId}',
    auth: 'token',
    async handle(call) {
      const filter = await deps.filters.get(ownUserIdOf(call), call.params.filterId ?? '')
      if (!filter) throw new MatrixError(404, 'M_NOT_FOUND', 'No such filter')
      return filter
    },
  })
}
