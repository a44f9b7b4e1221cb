import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { extract } from 'tar'
import { ElementError } from './element-error.ts'

/** Unpacked, Element Web is about 100 MB in 1,000 files; an archive beyond these is refused part-way. */
const MAX_BYTES = 600 * 1024 * 1024
const MAX_ENTRIES = 20_000

/**
 * Unpacks a `.tar.gz` of Element Web so that `target` appears whole or not at all. Links, devices and paths that leave
 * the folder are left out.
 * @throws ElementError `bad-archive` or `not-element`.
 */
export async function unpackArchive(archive: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  const work = await mkdtemp(join(dirname(target), `.${basename(target)}-`))
  try {
    await extractBounded(archive, work)
    const root = await elementRoot(work)
    if (!root) throw new ElementError('not-element', `${archive} holds no Element Web (no index.html with its bundles)`)
    await rm(target, { recursive: true, force: true })
    await rename(root, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The folder itself, or the one folder in it, that holds Element Web's `index.html`. */
export async function elementRoot(directory: string): Promise<string | undefined> {
  if (await isElement(directory)) return directory
  const entries = await readdir(directory, { withFileTypes: true })
  const only = entries.length === 1 && entries[0]?.isDirectory() ? join(directory, entries[0].name) : undefined
  return only !== undefined && (await isElement(only)) ? only : undefined
}

async function isElement(directory: string): Promise<boolean> {
  try {
    const index = await readFile(join(directory, 'index.html'), 'utf8')
    const bundles = await stat(join(directory, 'bundles'))
    return bundles.isDirectory() && index.includes('matrixchat')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw error
  }
}

async function extractBounded(archive: string, cwd: string): Promise<void> {
  let bytes = 0
  let entries = 0
  try {
    await extract({
      file: archive,
      cwd,
      strict: true,
      filter: (_path, entry) => {
        if (!('type' in entry) || (entry.type !== 'File' && entry.type !== 'Directory')) return false
        bytes += entry.size ?? 0
        entries += 1
        if (bytes > MAX_BYTES || entries > MAX_ENTRIES) throw new Error('it unpacks to far more than Element Web does')
        return true
      },
    })
  } catch (error) {
    throw new ElementError('bad-archive', `${archive} cannot be unpacked: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
