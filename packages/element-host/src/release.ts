/** A release of Element Web, pinned by digest: what is served is what was reviewed, whoever delivers the bytes. */
export interface ElementRelease {
  readonly version: string
  readonly url: string
  /** Lower-case hex of the archive's SHA-256. */
  readonly sha256: string
}

/** Element Web's official release archive. Change version and digest together. */
export const PINNED_RELEASE: ElementRelease = {
  version: '1.12.25',
  url: 'https://github.com/element-hq/element-web/releases/download/v1.12.25/element-v1.12.25.tar.gz',
  sha256: '14d7f2671eb1fbccc690e7f176042d72ed2b4e34f7326a007e8b1540b1e748bb',
}
