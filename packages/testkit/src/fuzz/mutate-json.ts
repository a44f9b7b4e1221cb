import type { Random } from './random.ts'

/** JSON that is still being bent. */
export type Loose = null | boolean | number | string | Loose[] | LooseObject
export interface LooseObject {
  [key: string]: Loose
}

/** A place in a value: the container and the key or index in it. */
interface Place {
  readonly container: Loose[] | LooseObject
  readonly key: string | number
}

/** Characters that a list may be blown up to. */
const MAX_MADE_CHARS = 2 * 1024 * 1024

/** What readers of JSON have been seen to fall over, beside plain wrong types. */
const ODD: readonly ((random: Random) => Loose)[] = [
  () => null,
  () => true,
  () => [],
  () => ({}),
  () => '',
  () => 0,
  () => -1,
  () => 1.5,
  () => 2 ** 53,
  () => Number.MAX_SAFE_INTEGER,
  () => -Number.MAX_SAFE_INTEGER,
  () => 1e300,
  () => '\ud800',
  () => 'a\u0000b',
  () => '\u202e\ufeff\u{1f600}\uffff',
  (random) => 'x'.repeat(random.pick([255, 256, 511, 4096, 66_000])),
  () => ({ ...(JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{}}}') as LooseObject) }),
  (random) => nested(random.pick([3, 60, 99, 100, 101, 400])),
  (random) => `$${'A'.repeat(random.pick([0, 42, 43, 44, 300]))}`,
  (random) => `!${'A'.repeat(random.pick([0, 43, 300]))}`,
  (random) => `@${'u'.repeat(random.pick([0, 1, 250]))}:${random.pick(['', 'x', '[::1]:99999', 'ü.test', '..'])}`,
  (random) => Array.from({ length: random.pick([2, 11, 21, 65, 2_000]) }, () => random.below(5)),
  () => 'toString',
]

const KEYS = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  '\u0000',
  '\ud800',
  'ключ',
  'room_id',
  'then',
]

export function oddValue(random: Random): Loose {
  return random.pick(ODD)(random)
}

/** A copy with one to three places bent. */
export function mutateJson(value: LooseObject, random: Random): LooseObject {
  const copy = cloned(value)
  const times = random.chance(0.7) ? 1 : 1 + random.below(3)
  for (let i = 0; i < times; i++) bend(copy, random)
  return copy
}

function bend(root: LooseObject, random: Random): void {
  const places: Place[] = []
  collect(root, places, 0)
  if (places.length === 0) {
    root[random.pick(KEYS)] = oddValue(random)
    return
  }
  const place = random.pick(places)
  random.pick(BENDERS)(place, random, places)
}

type Bender = (place: Place, random: Random, places: readonly Place[]) => void

const BENDERS: readonly Bender[] = [
  (place) => remove(place),
  (place, random) => write(place, oddValue(random)),
  (place, random) => write(place, oddValue(random)),
  (place, random, places) => write(place, cloned(read(random.pick(places)))),
  function swap(place, random, places) {
    const other = random.pick(places)
    // Swapping a container with something inside itself would make a ring.
    if (typeof read(place) === 'object' || typeof read(other) === 'object') return
    const kept = read(place)
    write(place, read(other))
    write(other, kept)
  },
  function addKey(place, random) {
    const value = read(place)
    const target = typeof value === 'object' && value !== null ? value : place.container
    if (Array.isArray(target)) target.push(oddValue(random))
    else
      Object.defineProperty(target, random.pick(KEYS), {
        value: oddValue(random),
        enumerable: true,
        configurable: true,
        writable: true,
      })
  },
  function resize(place, random) {
    const value = read(place)
    if (!Array.isArray(value)) return write(place, [cloned(value)])
    const item = value[0] ?? oddValue(random)
    // What is made larger than any frame is refused by its length alone, and making it would be the longest turn of all.
    const most = Math.max(2, Math.floor(MAX_MADE_CHARS / JSON.stringify(item).length))
    const wanted = Math.min(most, random.pick([0, 1, 2, 11, 21, 51, 101, 300]))
    while (value.length < wanted) value.push(cloned(item))
    value.length = wanted
  },
  function editText(place, random) {
    const value = read(place)
    if (typeof value !== 'string' || value === '') return write(place, oddValue(random))
    const at = random.below(value.length)
    write(
      place,
      value.slice(0, at) + random.pick(['', 'A', '%', '/', '\u0000', '=', ':', '\ud800', 'é']) + value.slice(at + 1),
    )
  },
  function nudge(place, random) {
    const value = read(place)
    if (typeof value === 'number') write(place, value + random.pick([-1, 1, 86_400_000, -86_400_000, 2 ** 40]))
    else write(place, typeof value === 'string' ? random.below(1000) : JSON.stringify(value))
  },
  (place, random) => write(place, nestIn(read(place), random.pick([1, 2, 98, 120]))),
]

function collect(value: Loose, places: Place[], depth: number): void {
  if (typeof value !== 'object' || value === null || depth > 12 || places.length > 400) return
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value)
  for (const key of keys) {
    places.push({ container: value, key })
    collect((value as LooseObject)[key] as Loose, places, depth + 1)
  }
}

function read({ container, key }: Place): Loose {
  return ((container as LooseObject)[key] ?? null) as Loose
}

function write({ container, key }: Place, value: Loose): void {
  Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true })
}

function remove({ container, key }: Place): void {
  if (Array.isArray(container)) container.splice(Number(key), 1)
  else delete container[key]
}

function nested(depth: number): Loose {
  return nestIn(1, depth)
}

function nestIn(value: Loose, depth: number): Loose {
  let result = value
  for (let i = 0; i < depth; i++) result = i % 2 === 0 ? [result] : { a: result }
  return result
}

/** A copy; a key called `__proto__` stays a key. */
export function cloned<T extends Loose>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => cloned(item)) as T
  const copy: LooseObject = {}
  for (const key of Object.keys(value)) {
    const member = cloned(value[key] as Loose)
    if (key === '__proto__') write({ container: copy, key }, member)
    else copy[key] = member
  }
  return copy as T
}
