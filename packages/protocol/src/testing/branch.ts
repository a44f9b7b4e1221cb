import { checkAuth } from '../auth/check-auth.ts'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import type { EventSource } from '../state/event-source.ts'
import { type StateSlot, stateSlot } from '../state/state-map.ts'
import type { TestDraft, TestRoom } from './room-builder.ts'
import { sodiumCrypto } from './sodium-crypto.ts'

/** One line of a forked room: events made on it see its state only. */
export class Branch {
  readonly room: TestRoom
  state: Map<StateSlot, EventId>
  tip: Pdu

  /** Forks off the room's running state, or another branch, after `tip`. */
  constructor(room: TestRoom, tip: Pdu, state: ReadonlyMap<StateSlot, EventId> = room.state) {
    this.room = room
    this.tip = tip
    this.state = new Map(state)
  }

  fork(): Branch {
    return new Branch(this.room, this.tip, this.state)
  }

  /** Adds an event that the rules allow on this branch; `undefined` where they do not. */
  tryAdd(draft: TestDraft): Pdu | undefined {
    const event = this.room.make({ prev: [this.tip], on: this.state, ...draft })
    const verdict = checkAuth(event, this.room.authState(this.state), this.room.rules, sodiumCrypto)
    if (!verdict.allowed) return undefined
    this.room.events.set(event.eventId, event)
    if (event.stateKey !== undefined) this.state.set(stateSlot(event.type, event.stateKey), event.eventId)
    this.tip = event
    return event
  }

  add(draft: TestDraft): Pdu {
    const event = this.tryAdd(draft)
    if (event === undefined) throw new Error(`not allowed on this branch: ${draft.type} of ${draft.sender}`)
    return event
  }
}

export function sourceOf(room: TestRoom): EventSource {
  return { event: (id) => room.events.get(id) }
}
