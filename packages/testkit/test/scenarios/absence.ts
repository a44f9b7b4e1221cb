import assert from 'node:assert/strict'
import type { Person } from './person.ts'

/** Said while the other is away. */
const MISSED = 50

/** The host says many things while the guest's node is down. Once it is up again, the guest has them all, in order. */
export async function missAndCatchUp(
  roomId: string,
  host: Person,
  guest: Person,
  restart: () => Promise<void>,
): Promise<void> {
  await guest.node.stop()
  const sent = Array.from({ length: MISSED }, (_, n) => `while you were away ${n}`)
  for (const body of sent) await host.client.sendText(roomId, body)
  await restart()
  await guest.client.waitForText(roomId, sent.at(-1) ?? '')
  const history = await guest.client.history(roomId)
  assert.deepEqual(
    history.map((message) => message.body),
    sent,
  )
}
