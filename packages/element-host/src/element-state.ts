import type { Progress } from './fetch-release.ts'

/** Where the node stands on its way to a served Element Web. */
export type ElementState =
  | { readonly kind: 'fetching'; readonly progress: Progress }
  | { readonly kind: 'unpacking' }
  | { readonly kind: 'ready'; readonly directory: string }
  /** `source`: the folder or archive that the owner chose, where that is what cannot be used. */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly source?: string | undefined }
