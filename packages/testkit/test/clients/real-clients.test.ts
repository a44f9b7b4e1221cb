import { after, before, suite } from 'node:test'
import { whyNoNio } from '@starling/testkit'
import { keyBackupTests } from './key-backup-tests.ts'
import { nioTests } from './nio-tests.ts'
import { relationsTests } from './relations-tests.ts'
import { roomTests } from './room-tests.ts'
import { SdkWorld } from './sdk-world.ts'
import { slidingSyncTests } from './sliding-sync-tests.ts'
import { verificationTests } from './verification-tests.ts'

const ONE_BY_ONE = { concurrency: 1 }

/** One pair of nodes for all: starting nodes is what takes the time. Suites run side by side, as they share nobody. */
suite('real clients', { concurrency: true }, () => {
  const world = new SdkWorld()
  before(() => world.start())
  after(() => world[Symbol.asyncDispose]())

  suite('matrix-js-sdk: verification', ONE_BY_ONE, () => verificationTests(world))
  suite('matrix-js-sdk: key backup', ONE_BY_ONE, () => keyBackupTests(world))
  suite('matrix-js-sdk: relations', ONE_BY_ONE, () => relationsTests(world))
  suite('matrix-js-sdk: spaces and knocking', ONE_BY_ONE, () => roomTests(world))
  suite('matrix-js-sdk: sliding sync', ONE_BY_ONE, () => slidingSyncTests(world))
  suite('matrix-nio', { ...ONE_BY_ONE, skip: whyNoNio() ?? false }, () => nioTests(world))
})
