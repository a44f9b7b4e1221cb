import { authEventsSelection } from './auth-events-selection.ts'
import { eventFor, tuple } from './event.ts'
import { type NaiveVerdict, type RuleInput, reject } from './rule-input.ts'

/** "Considering the event's `auth_events`": rule 2, in version 12 rule 3. Undefined if there is nothing against them. */
export function checkAuthEvents(input: RuleInput, rule: string): NaiveVerdict | undefined {
  const { event, version, events, rejected } = input
  const entries = event.authEvents.map((id) => eventFor(id, events))
  const tuples = entries.map((entry) => (entry.stateKey === undefined ? undefined : tuple(entry.type, entry.stateKey)))

  if (new Set(tuples).size < tuples.length) return reject(`${rule}.1`)

  const selection = authEventsSelection(event, version)
  if (tuples.some((one) => one === undefined || !selection.has(one))) return reject(`${rule}.2`)

  if (entries.some((entry) => rejected.has(entry.eventId))) return reject(`${rule}.3`)

  if (version <= 11 && !tuples.includes(tuple('m.room.create', ''))) return reject(`${rule}.4`)

  if (entries.some((entry) => entry.roomId !== event.roomId)) return reject(`${rule}.5`)
  return undefined
}
