import { after, before, suite } from 'node:test'
import { SdkWorld } from './sdk-world.ts'
import { verificationTests } from './verification-tests.ts'

/** One pair of nodes for all of them: starting nodes is what takes the time. */
suite('matrix-js-sdk with its Rust crypto', () => {
  const world = new SdkWorld()
  before(() => world.start())
  after(() => world[Symbol.asyncDispose]())

  suite('verification', () => verificationTests(world))
})
