import { type JsonObject, type RoomAlias, type RoomVersionRules, stateSlot, type UserId } from '@starling/protocol'
import type { CreateRoom } from '../../ports.ts'
import { type CreateRoomInput, type Preset, presetOf } from './create-room-input.ts'
import { defaultPowerLevels } from './power-levels.ts'

type InitialEvent = CreateRoom['events'][number] & { readonly stateKey: string }

interface PresetState {
  readonly joinRule: string
  readonly guestAccess: string
}

const PRESET_STATE: Readonly<Record<Preset, PresetState>> = {
  private_chat: { joinRule: 'invite', guestAccess: 'can_join' },
  trusted_private_chat: { joinRule: 'invite', guestAccess: 'can_join' },
  public_chat: { joinRule: 'public', guestAccess: 'forbidden' },
}

/**
 * State events of a new room after the create event and the creator's join, in the spec's order (`POST /createRoom`, steps
 * 3 to 7). For a slot named twice the stronger source is kept: name and topic over `initial_state` over preset.
 */
export function initialEvents(
  input: CreateRoomInput,
  creator: UserId,
  trusted: readonly UserId[],
  alias: RoomAlias | undefined,
  rules: RoomVersionRules,
): InitialEvent[] {
  const preset = presetOf(input)
  const powerLevels = { ...defaultPowerLevels(preset, creator, trusted, rules), ...input.power_level_content_override }
  const { joinRule, guestAccess } = PRESET_STATE[preset]
  const byPreset = [
    state('m.room.power_levels', powerLevels as JsonObject),
    ...(alias ? [state('m.room.canonical_alias', { alias })] : []),
    state('m.room.join_rules', { join_rule: joinRule }),
    state('m.room.history_visibility', { history_visibility: 'shared' }),
    state('m.room.guest_access', { guest_access: guestAccess }),
  ]
  const byClient = (input.initial_state ?? []).map((event) =>
    state(event.type, event.content as JsonObject, event.state_key),
  )
  return overlay(byPreset, byClient, nameAndTopic(input))
}

function nameAndTopic({ name, topic }: CreateRoomInput): InitialEvent[] {
  const events: InitialEvent[] = []
  if (name !== undefined) events.push(state('m.room.name', { name }))
  if (topic !== undefined) {
    events.push(state('m.room.topic', { topic, 'm.topic': { 'm.text': [{ body: topic }] } }))
  }
  return events
}

/**
 * The layers one after another, without what a later layer sets anew. Power levels stay first wherever they come from:
 * everything after them is checked by them.
 */
function overlay(...layers: readonly InitialEvent[][]): InitialEvent[] {
  const kept: InitialEvent[] = []
  const taken = new Set<string>()
  for (const layer of layers.toReversed()) {
    const fresh = layer.filter((event) => !taken.has(slotOf(event)))
    for (const event of fresh) taken.add(slotOf(event))
    kept.unshift(...fresh)
  }
  const isPowerLevels = (event: InitialEvent) => event.type === 'm.room.power_levels' && event.stateKey === ''
  return [...kept.filter(isPowerLevels), ...kept.filter((event) => !isPowerLevels(event))]
}

function slotOf(event: InitialEvent): string {
  return stateSlot(event.type, event.stateKey)
}

function state(type: string, content: JsonObject, stateKey = ''): InitialEvent {
  return { type, stateKey, content }
}
