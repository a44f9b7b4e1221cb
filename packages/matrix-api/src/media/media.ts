import { type Clock, type KeyValueStore, parseServerName, type RandomBytes, type ServerName } from '@starling/protocol'
import { MatrixError } from '../http/matrix-error.ts'
import type { RemoteServers } from '../ports.ts'
import { FileUses } from './file-uses.ts'
import { LocalMediaStore, MEDIA_LIMITS, type MediaLimits, type MediaRecord } from './local-media.ts'
import { MediaError, mediaErrorForClient } from './media-error.ts'
import { MediaFiles } from './media-files.ts'
import { isMediaId } from './media-id.ts'
import { PreviewImages } from './previews/preview-images.ts'
import { RemoteMediaStore } from './remote-media.ts'
import { THUMBNAIL_LIMITS, Thumbnailer, type ThumbnailLimits } from './thumbnailer.ts'

export interface MediaDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly serverName: ServerName
  readonly remote: Pick<RemoteServers, 'media'>
  /** Folder for the files, beside the database. */
  readonly directory: string
  readonly limits?: Partial<MediaLimits>
  readonly thumbnailLimits?: ThumbnailLimits
}

/** Where to look, and how long to wait for an upload that was announced. */
export interface FindMedia {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Only what is here already: other servers are not asked. */
  readonly localOnly?: boolean
}

/** Media of this node and of others. Client-Server API, "Content repository". */
export class Media {
  readonly serverName: ServerName
  readonly limits: MediaLimits
  readonly local: LocalMediaStore
  readonly files: MediaFiles
  readonly previewImages: PreviewImages
  readonly #remote: RemoteMediaStore
  readonly #thumbnails: Thumbnailer

  constructor(deps: MediaDeps) {
    const { store, clock, randomBytes, directory, remote } = deps
    this.serverName = deps.serverName
    this.limits = { ...MEDIA_LIMITS, ...deps.limits }
    this.files = new MediaFiles(directory)
    this.#thumbnails = new Thumbnailer(directory, this.files, deps.thumbnailLimits ?? THUMBNAIL_LIMITS)
    const shared = { store, clock, files: this.files, uses: new FileUses(store, this.files), limits: this.limits }
    this.local = new LocalMediaStore({ ...shared, randomBytes })
    const onRemoved = (hash: string) => this.#thumbnails.forget(hash)
    this.previewImages = new PreviewImages({ ...shared, randomBytes, onRemoved })
    this.#remote = new RemoteMediaStore({ ...shared, remote, onRemoved })
  }

  /** Makes the folders. Before anything else. */
  async start(): Promise<void> {
    await this.files.start()
    await this.previewImages.sweep()
  }

  /** Runs `use` on the media. Throws `MatrixError`, also for a `MediaError` of `use`. */
  async with<T>(
    { serverName, mediaId }: { readonly serverName?: string; readonly mediaId?: string },
    find: FindMedia,
    use: (record: MediaRecord) => Promise<T>,
  ): Promise<T> {
    const server = parseServerName(serverName)
    if (!server || !isMediaId(mediaId ?? '')) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a media id')
    const origin = server === this.serverName ? 'local' : 'remote'
    try {
      return await use(await this.#find(server, mediaId ?? '', find))
    } catch (error) {
      throw mediaErrorForClient(error, origin)
    }
  }

  thumbnails(): Thumbnailer {
    return this.#thumbnails
  }

  async #find(server: ServerName, mediaId: string, find: FindMedia): Promise<MediaRecord> {
    if (server === this.serverName) return (await this.previewImages.get(mediaId)) ?? this.local.find(mediaId, find)
    if (!find.localOnly) return this.#remote.find(server, mediaId)
    const cached = await this.#remote.cached(server, mediaId)
    if (!cached) throw new MediaError('not-found', 'No such media')
    return cached
  }
}
