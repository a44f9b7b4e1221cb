import type { Endpoint } from './http/endpoint.ts'

/** The endpoints of each section, one line per section. `matrix-api.ts` makes what they need. */
export function allEndpoints(sections: { readonly [section: string]: readonly Endpoint[] }): readonly Endpoint[] {
  return Object.values(sections).flat()
}
