import type { Progress } from './fetch-release.ts'

/** Where the node stands on its way to a served Element Web. */
export type ElementState =
  | { readonly kind: 'fetching'; readonly progress: Progress }
  | { readonly kind: 'unpacking' }
  | { readonly kind: 'ready'; readonly directory: string }
  | { readonly kind: 'unavailable'; readonly reason: string }
