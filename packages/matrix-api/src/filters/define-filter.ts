import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import { ownUserIdOf } from '../rooms/call-params.ts'
import { filterSchema } from './filter-definition.ts'
import type { FilterStore } from './filter-store.ts'

/** `POST /user/{userId}/filter`: 400 for what is no filter or too long a list, 403 for another user. */
export function defineFilter(deps: { readonly filters: FilterStore }) {
  return endpoint<'token'>({
    method: 'POST',
    path: '/_matrix/client/v3/user/{userId}/filter',
    auth: 'token',
    async handle(call) {
      const userId = ownUserIdOf(call)
      checkInput(filterSchema, call.body)
      return { filter_id: await deps.filters.define(userId, call.body) }
    },
  })
}
