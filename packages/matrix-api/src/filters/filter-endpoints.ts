import type { Endpoint } from '../http/endpoint.ts'
import { defineFilter } from './define-filter.ts'
import type { FilterStore } from './filter-store.ts'
import { getFilter } from './get-filter.ts'

export function filterEndpoints(deps: { readonly filters: FilterStore }): Endpoint[] {
  return [defineFilter(deps), getFilter(deps)]
}
