import type { EventId, Pdu } from '@starling/protocol'
import type { FuzzWorld } from './fuzz-world.ts'

/** Defects put into the node under attack on purpose. Each has to be found, or the fuzzer proves nothing. */
export const PLANTS = {
  /** A handler that throws where nobody listens. */
  throw: (world: FuzzWorld) =>
    onEvery(
      world,
      40,
      () =>
        void setImmediate(() => {
          throw new Error('planted')
        }),
    ),
  /** A promise that nobody awaits. */
  reject: (world: FuzzWorld) => onEvery(world, 40, () => void Promise.reject(new Error('planted'))),
  /** A bug in a handler, thrown at its caller. */
  bug: (world: FuzzWorld) =>
    onEvery(world, 40, () => {
      throw new TypeError('planted')
    }),
  /** A handler that computes for too long. */
  block: (world: FuzzWorld) => onEvery(world, 40, () => burn(400)),
  /** An event let in that nobody sent. */
  forge: (world: FuzzWorld) => onEvery(world, 40, () => world.tellAccepted(forged(world))),
  /** Messages that are taken and go nowhere. */
  deaf: (world: FuzzWorld) => {
    world.victim.host.hear = async () => 'ignore'
    world.victim.exchange.reconcile = async () => undefined
  },
} satisfies Record<string, (world: FuzzWorld) => void>

export type Plant = keyof typeof PLANTS

function onEvery(world: FuzzWorld, every: number, defect: () => void): void {
  const { host } = world.victim
  const hear = host.hear.bind(host)
  let count = 0
  host.hear = async (...message) => {
    count += 1
    if (count % every === 0) defect()
    return hear(...message)
  }
}

function burn(ms: number): void {
  const start = process.threadCpuUsage()
  for (;;) {
    const now = process.threadCpuUsage(start)
    if ((now.user + now.system) / 1000 > ms) return
  }
}

function forged(world: FuzzWorld): Pdu {
  return { eventId: '$forged' as EventId, sender: world.banned.userId, type: 'm.room.message' } as Pdu
}
