import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { RandomBytes } from '@starling/protocol'
import { IdentityError } from './identity-error.ts'

/** What the file is for, as its first line says. */
export type KeyPurpose = 'identity' | 'transport'

const SEED_BYTES = 32

/**
 * A 32-byte Ed25519 seed in a file of its own: one line `starling <purpose> ed25519 <base64url>`, mode 0600.
 * @returns undefined where there is no such file.
 * @throws IdentityError `unreadable` where the file is there but does not hold such a key.
 */
export async function readKeyFile(path: string, purpose: KeyPurpose): Promise<Uint8Array | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new IdentityError('unreadable', `cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
  const match = /^starling (\w+) ed25519 ([\w-]{43})\n?$/.exec(text)
  const seed = Buffer.from(match?.[2] ?? '', 'base64url')
  if (match?.[1] !== purpose || seed.length !== SEED_BYTES) {
    throw new IdentityError('unreadable', `${path} does not hold a Starling ${purpose} key: restore it from a backup`)
  }
  return seed
}

/**
 * Makes a new key. The file appears whole or not at all and survives a crash of the machine once this resolves; an
 * existing file is never replaced.
 */
export async function createKeyFile(path: string, purpose: KeyPurpose, randomBytes: RandomBytes): Promise<Uint8Array> {
  const seed = randomBytes(SEED_BYTES)
  await writeKeyFile(path, purpose, seed)
  return seed
}

/** @throws IdentityError `exists` where there is a file already. */
export async function writeKeyFile(path: string, purpose: KeyPurpose, seed: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(`starling ${purpose} ed25519 ${Buffer.from(seed).toString('base64url')}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    // A link fails if the name is taken, where a rename would silently replace an identity.
    await link(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new IdentityError('exists', `${path} exists already and is never replaced`, { cause: error })
  } finally {
    await rm(temporary, { force: true })
  }
  await chmod(path, 0o600)
  await syncDirectory(dirname(path))
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
