import { eventually, OwnerClient, PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'

const FLAGS = [
  ...PRIVATE_FLAGS,
  ...['--mdns', 'off', '--p2p-listen', '/ip4/127.0.0.1/tcp/0', '--rate-limits', 'off', '--registration', 'open'],
]

/** Two nodes on loopback that have met, and the clients of their owners. */
export interface NodePair extends AsyncDisposable {
  readonly one: StarlingProcess
  readonly other: StarlingProcess
  /** The owner of `one`. */
  readonly ada: OwnerClient
  readonly adaId: string
  /** The owner of `other`. */
  readonly bob: OwnerClient
  readonly bobId: string
}

export async function startNodePair(): Promise<NodePair> {
  await using things = new AsyncDisposableStack()
  const one = things.use(await StarlingProcess.start({ flags: FLAGS }))
  const friends = one.info.multiaddrs.join(',')
  const other = things.use(await StarlingProcess.start({ flags: [...FLAGS, '--bootstrap', friends] }))
  const [ada, bob] = [new OwnerClient(one.ownerSession()), new OwnerClient(other.ownerSession())]
  const [adaId, bobId] = [one.info.user_id, other.info.user_id]
  await eventually('the nodes have met', async () => {
    return (await bob.call('GET', `profile/${encodeURIComponent(adaId)}`)).status === 200
  })
  const kept = things.move()
  return { one, other, ada, adaId, bob, bobId, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
