import assert from 'node:assert/strict'
import type { SdkInProcess } from '@starling/testkit'
import {
  type ShowSasCallbacks,
  VerificationPhase,
  type VerificationRequest,
  type Verifier,
  VerifierEvent,
} from 'matrix-js-sdk/lib/crypto-api/index.js'

/** How many emoji a short authentication string has. */
const EMOJI = 7

/** One side of a verification: who it is, and the request as their client has it. */
export interface Side {
  readonly sdk: SdkInProcess
  readonly request: VerificationRequest
}

/**
 * Two people (or one with two devices) verify each other as stock clients let them: accept, one of them starts by SAS, both see
 * that the screens show the same seven emoji, and say so. Ends once both requests are done.
 */
export async function compareEmoji(starter: Side, other: Side): Promise<void> {
  const { starts, follows } = await showEmoji(starter, other)
  await Promise.all([starts.sas.confirm(), follows.sas.confirm()])
  await Promise.all([starts.done, follows.done])
  for (const side of [starter, other]) await inPhase(side, VerificationPhase.Done)
}

/** As far as the emoji, where one of them says that they differ. Both requests end as cancelled. */
export async function seeOtherEmoji(starter: Side, other: Side): Promise<void> {
  const { starts, follows } = await showEmoji(starter, other)
  starts.sas.mismatch()
  for (const { done } of [starts, follows]) await assert.rejects(done)
  for (const side of [starter, other]) await inPhase(side, VerificationPhase.Cancelled)
}

/** Whoever was asked accepts; both screens show the same emoji. */
async function showEmoji(starter: Side, other: Side): Promise<{ readonly starts: Screen; readonly follows: Screen }> {
  const asked = starter.request.initiatedByMe ? other : starter
  await asked.request.accept()
  await inPhase(starter, VerificationPhase.Ready)
  const first = shown(await starter.request.startVerification('m.sas.v1'))
  const second = shown(await other.sdk.until('the other side has started', () => other.request.verifier))
  const [starts, follows] = await Promise.all([first, second])
  assert.equal(starts.sas.sas.emoji?.length, EMOJI)
  assert.deepEqual(starts.sas.sas.emoji, follows.sas.sas.emoji)
  return { starts, follows }
}

function inPhase({ sdk, request }: Side, phase: VerificationPhase): Promise<unknown> {
  return sdk.until(`the verification is in phase ${VerificationPhase[phase]}`, () => request.phase === phase)
}

/** What one screen shows, and the end of it. */
interface Screen {
  readonly sas: ShowSasCallbacks
  readonly done: Promise<void>
}

/** Once the emoji are there. @throws what the verification failed of, if it failed before. */
async function shown(verifier: Verifier): Promise<Screen> {
  const shows = new Promise<ShowSasCallbacks>((resolve) => {
    const already = verifier.getShowSasCallbacks()
    if (already) resolve(already)
    else verifier.once(VerifierEvent.ShowSas, resolve)
  })
  const done = verifier.verify()
  const sas = await Promise.race([shows, done.then(() => shows)])
  return { sas, done }
}
