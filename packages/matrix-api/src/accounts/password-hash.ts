import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import type { RandomBytes } from '@starling/protocol'
import { MatrixError } from '../http/matrix-error.ts'

/** A password as stored: scrypt (RFC 7914) with the parameters of its time, so that they can be raised later. */
export interface PasswordHash {
  readonly algorithm: 'scrypt'
  readonly cost: number
  readonly blockSize: number
  readonly parallelization: number
  readonly salt: string
  readonly hash: string
}

/** One of OWASP's equal choices: 32 MiB and about 0.2 s, so a guess costs an attacker the same. */
const COST = { cost: 2 ** 15, blockSize: 8, parallelization: 3 } as const

const HASH_BYTES = 32
const SALT_BYTES = 16

/** Hashes run one after the other: a login flood takes the memory of one. */
let tail: Promise<unknown> = Promise.resolve()
let waiting = 0

/** Hashes that wait; more are refused with 429 and none of those waiting is dropped. At 0.2 s each, half a minute. */
const MAX_WAITING = 150

export async function hashPassword(password: string, randomBytes: RandomBytes): Promise<PasswordHash> {
  const salt = Buffer.from(randomBytes(SALT_BYTES))
  const hash = await derive(password, salt, COST)
  return { algorithm: 'scrypt', ...COST, salt: salt.toString('base64url'), hash: hash.toString('base64url') }
}

export async function passwordMatches(password: string, stored: PasswordHash): Promise<boolean> {
  const hash = await derive(password, Buffer.from(stored.salt, 'base64url'), stored)
  return timingSafeEqual(hash, Buffer.from(stored.hash, 'base64url'))
}

/** For users that do not exist: as long a wait as for those that do, so that the answer's time tells nothing. */
export function wasteTimeLikeAMatch(password: string): Promise<unknown> {
  return derive(password, Buffer.alloc(SALT_BYTES), COST)
}

async function derive(
  password: string,
  salt: Buffer,
  { cost, blockSize, parallelization }: Pick<PasswordHash, 'cost' | 'blockSize' | 'parallelization'>,
): Promise<Buffer> {
  const options: ScryptOptions = { cost, blockSize, parallelization, maxmem: 256 * cost * blockSize }
  const task = () =>
    new Promise<Buffer>((resolve, reject) => {
      scrypt(password.normalize('NFKC'), salt, HASH_BYTES, options, (error, key) =>
        error ? reject(error) : resolve(key),
      )
    })
  if (waiting >= MAX_WAITING) {
    throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too many logins at once', { retry_after_ms: 30_000 })
  }
  waiting += 1
  const mine = tail.then(task, task).finally(() => {
    waiting -= 1
  })
  tail = mine.catch(() => undefined)
  return mine
}
