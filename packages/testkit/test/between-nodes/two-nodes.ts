import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import type { OwnerClient, StarlingProcess } from '@starling/testkit'
import { startNodePair } from '../scenarios/node-pair.ts'
import type { Resident } from './rooms.ts'

/** Ada's node and Bob's, which have met. */
export interface TwoNodes {
  readonly one: StarlingProcess
  readonly other: StarlingProcess
  /** The owner of `one`: most rooms are hers. */
  readonly ada: OwnerClient
  readonly adaId: string
  /** The owner of `other`: most rooms have him as the guest. */
  readonly bob: Resident
  /** The server name of `one`, for who enters by it. */
  readonly via: string
}

/**
 * To be called in the body of a suite: starts two nodes for it before its first test and stops them after its last.
 * @returns what gives them to its tests and hooks.
 */
export function twoNodes(): () => TwoNodes {
  let nodes: TwoNodes | undefined
  const things = new AsyncDisposableStack()
  before(async () => {
    const { one, other, ada, adaId, bob, bobId } = things.use(await startNodePair())
    nodes = { one, other, ada, adaId, bob: { client: bob, id: bobId }, via: one.info.server_name }
  })
  after(() => things.disposeAsync())
  return () => {
    assert.ok(nodes, 'the nodes are there in tests and hooks only')
    return nodes
  }
}
