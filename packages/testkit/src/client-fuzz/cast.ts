import type { Random } from '../fuzz/random.ts'

export interface Person {
  readonly userId: string
  readonly deviceId: string
  readonly token: string
}

/** What a placeholder can stand for. */
export type Thing =
  | 'room'
  | 'farroom'
  | 'event'
  | 'user'
  | 'alias'
  | 'device'
  | 'media'
  | 'server'
  | 'elsewhere'
  | 'backup'
  | 'filter'
  | 'position'
  | 'session'
  | 'site'

const THINGS: readonly Thing[] = [
  ...(['room', 'farroom', 'event', 'user', 'alias', 'device', 'media'] as const),
  ...(['server', 'elsewhere', 'backup', 'filter', 'position', 'session', 'site'] as const),
]

/** Things kept of a kind; the oldest are forgotten first. */
const MAX_KEPT = 12

/** Where answers name things, and what they are. */
const NAMED_IN_ANSWERS: readonly (readonly [RegExp, Thing])[] = [
  [/"(?:next_batch|prev_batch|start|end|pos)":"([^"\\]{1,200})"/g, 'position'],
  [/"session":"([^"\\]{1,60})"/g, 'session'],
  [/"room_id":"(![^"\\]{1,100})"/g, 'room'],
  [/"event_id":"(\$[^"\\]{1,100})"/g, 'event'],
  [/"content_uri":"mxc:\/\/[^/"]+\/([^"\\]{1,100})"/g, 'media'],
  [/"filter_id":"([^"\\]{1,60})"/g, 'filter'],
  [/"version":"(\d{1,10})"/g, 'backup'],
  [/"device_id":"([^"\\]{1,60})"/g, 'device'],
]
/** Looked at of an answer; names stand at its beginning as often as anywhere. */
const LOOKED_AT = 4_000

/** Who asks and what exists: placeholders are filled with it. What answers name is taken up, so that requests get deeper. */
export class Cast {
  people: readonly Person[] = []
  readonly #things = new Map<Thing, string[]>()

  put(thing: Thing, ...values: readonly string[]): void {
    const kept = (this.#things.get(thing) ?? []).filter((value) => !values.includes(value))
    this.#things.set(thing, [...kept, ...values].slice(-MAX_KEPT))
  }

  learn(body: Uint8Array): void {
    const text = Buffer.from(body.subarray(0, LOOKED_AT)).toString('utf8')
    for (const [pattern, thing] of NAMED_IN_ANSWERS) {
      for (const [, value] of text.matchAll(pattern)) if (value !== undefined) this.put(thing, value)
    }
  }

  /** A text with its placeholders filled, for one who asks: mostly with what fits, now and then with something else. */
  fill(text: string, asker: Person, random: Random): string {
    return text.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) => {
      const thing = THINGS.find((one) => one === name)
      if (!thing) return whole
      return this.#value(random.chance(0.03) ? random.pick(THINGS) : thing, asker, random)
    })
  }

  /** Values of every kind, for where one does not belong. */
  anything(asker: Person, random: Random): string {
    return this.#value(random.pick(THINGS), asker, random)
  }

  #value(thing: Thing, asker: Person, random: Random): string {
    if (thing === 'user' && random.chance(0.7)) return asker.userId
    if (thing === 'device' && random.chance(0.6)) return asker.deviceId
    const values = this.#things.get(thing) ?? []
    if (values.length === 0) return `no-${thing}`
    // The newest most of all: rooms that one can still do something in.
    return random.chance(0.6) ? (values.at(-1) as string) : random.pick(values)
  }
}
