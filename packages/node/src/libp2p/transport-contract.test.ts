import { transportContract } from '@starling/testkit'
import { openLoopbackHosts } from './testing/loopback-hosts.ts'

transportContract('libp2p on loopback', async () => {
  const { hosts, close } = await openLoopbackHosts(3)
  const [a, b, c] = hosts
  if (!a || !b || !c) throw new Error('three hosts were asked for')
  return { hosts: [a, b, c], close }
})
