import { after, before, suite } from 'node:test'
import { keyBackupTests } from './key-backup-tests.ts'
import { relationsTests } from './relations-tests.ts'
import { roomTests } from './room-tests.ts'
import { SdkWorld } from './sdk-world.ts'
import { slidingSyncTests } from './sliding-sync-tests.ts'
import { verificationTests } from './verification-tests.ts'

const ONE_BY_ONE = { concurrency: 1 }

/** One pair of nodes for all: starting nodes is what takes the time. Suites run side by side, as they share nobody. */
suite('matrix-js-sdk with its Rust crypto', { concurrency: true }, () => {
  const world = new SdkWorld()
  before(() => world.start())
  after(() => world[Symbol.asyncDispose]())

  suite('verification', ONE_BY_ONE, () => verificationTests(world))
  suite('key backup', ONE_BY_ONE, () => keyBackupTests(world))
  suite('relations', ONE_BY_ONE, () => relationsTests(world))
  suite('spaces and knocking', ONE_BY_ONE, () => roomTests(world))
  suite('sliding sync', ONE_BY_ONE, () => slidingSyncTests(world))
})
