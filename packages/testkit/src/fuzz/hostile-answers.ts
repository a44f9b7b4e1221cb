import { isJsonObject, parseStrictObject } from '@starling/protocol'
import type { Tamper } from './fuzz-host.ts'
import type { FuzzNode } from './fuzz-node.ts'
import type { FuzzWorld } from './fuzz-world.ts'
import { hostileEvent, sealed, withKeys } from './hostile-events.ts'
import { REQUEST_PROTOCOL, signedFrame } from './hostile-requests.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { cloned, type Loose, type LooseObject, mutateJson } from './mutate-json.ts'

const utf8 = new TextEncoder()

/**
 * The answers of a hostile server: what its node would honestly say, bent and signed anew, so that the asker's readers get
 * it. `told` is called with each bent answer.
 */
export function tampering(world: FuzzWorld, node: FuzzNode, told: (bytes: Uint8Array) => void): Tamper {
  return async (protocol, _request, honest) => {
    const bytes = await honest()
    const { random } = world
    if (random.chance(0.25)) return bytes
    const bent = random.chance(0.1) ? mutateBytes(bytes, random) : bend(protocol, bytes, world, node)
    told(bent)
    return bent
  }
}

function bend(protocol: string, bytes: Uint8Array, world: FuzzWorld, node: FuzzNode): Uint8Array {
  const { random } = world
  const answer = parseStrictObject(bytes, { numbers: 'any' }) as LooseObject
  if (protocol !== REQUEST_PROTOCOL) return utf8.encode(JSON.stringify(mutateJson(answer, random)))
  const { signatures: _signatures, server_keys: _keys, ...fields } = answer
  const content = isJsonObject(fields.content) ? (fields.content as LooseObject) : {}
  const bent = random.weighted<() => LooseObject>([
    [6, () => ({ ...fields, content: mutateJson(content, random) })],
    [3, () => ({ ...fields, content: withBentEvents(content, world, node) })],
    [1, () => mutateJson(fields, random)],
    [1, () => ({ ...fields, status: random.pick([200, 400, 403, 404, 429, 500, 599]) })],
    [1, () => ({ ...fields, status: 400, content: { errcode: 'ORG.STARLING.CLOCK', server_ts: 2 ** 53 - 1 } })],
  ])()
  return utf8.encode(JSON.stringify(signedFrame(bent, node)))
}

/** Lists of events in the answer get forged ones, lose some, or have theirs bent and signed anew by this server. */
function withBentEvents(content: LooseObject, world: FuzzWorld, node: FuzzNode): LooseObject {
  const { random } = world
  const copy = cloned(content)
  const room = random.pick(world.rooms)
  for (const [key, list] of Object.entries(copy)) {
    if (Array.isArray(list) && list.every((item) => isJsonObject(item))) {
      copy[key] = list.flatMap((item): Loose[] => {
        if (random.chance(0.1)) return []
        const event = item as LooseObject
        if (random.chance(0.2)) return [sealed(mutateJson(event, random), room.rules, node)]
        return random.chance(0.1) ? [event, withKeys(hostileEvent(world, room, node), world, node)] : [event]
      })
    } else if (isJsonObject(list) && random.chance(0.5))
      copy[key] = sealed(mutateJson(list as LooseObject, random), room.rules, node)
  }
  return copy
}
