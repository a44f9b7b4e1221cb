import { REDACTION_V1, REDACTION_V6, REDACTION_V8, REDACTION_V9, REDACTION_V11 } from './redaction-rules.ts'
import type { AuthRules, RoomVersionRules } from './rules.ts'

const NONE: ReadonlySet<string> = new Set()

const V1: RoomVersionRules = {
  version: '1',
  disposition: 'stable',
  eventId: 'given',
  eventReferences: 'pairs',
  roomId: 'domain',
  keyValidity: false,
  userIds: 'historical',
  redacts: 'top-level',
  redaction: REDACTION_V1,
  auth: {
    creator: 'content',
    privilegedCreators: false,
    createInAuthEvents: true,
    aliases: true,
    redaction: true,
    notificationLevels: false,
    integerLevels: false,
    knockRules: NONE,
    restrictedRules: NONE,
  },
  stateResolution: 'v1',
}

const V2 = next(V1, { version: '2', stateResolution: 'v2' })
const V3 = next(V2, { version: '3', eventId: 'base64', eventReferences: 'ids' }, { redaction: false })
const V4 = next(V3, { version: '4', eventId: 'base64url' })
const V5 = next(V4, { version: '5', keyValidity: true })
// The strict numbers of version 6 are those of every version here: docs/decisions, "One JSON for all room versions".
const V6 = next(V5, { version: '6', redaction: REDACTION_V6 }, { aliases: false, notificationLevels: true })
const V7 = next(V6, { version: '7' }, { knockRules: new Set(['knock']) })
const V8 = next(V7, { version: '8', redaction: REDACTION_V8 }, { restrictedRules: new Set(['restricted']) })
const V9 = next(V8, { version: '9', redaction: REDACTION_V9 })
const V10 = next(
  V9,
  { version: '10' },
  {
    integerLevels: true,
    knockRules: new Set(['knock', 'knock_restricted']),
    restrictedRules: new Set(['restricted', 'knock_restricted']),
  },
)
const V11 = next(V10, { version: '11', redacts: 'content', redaction: REDACTION_V11 }, { creator: 'sender' })
const V12 = next(
  V11,
  { version: '12', roomId: 'hash', stateResolution: 'v2.1' },
  { privilegedCreators: true, createInAuthEvents: false },
)

const VERSIONS: ReadonlyMap<string, RoomVersionRules> = new Map(
  [V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12].map((rules) => [rules.version, rules]),
)

/** The rules of a room version; `undefined` for one that is not known here. */
export function roomVersionRules(version: string): RoomVersionRules | undefined {
  return VERSIONS.get(version)
}

/** What `GET /capabilities` lists (`m.room_versions.available`): the versions in which rooms can be made and joined, all of them. */
export const SUPPORTED_VERSIONS: Readonly<Record<string, 'stable' | 'unstable'>> = Object.freeze(
  Object.fromEntries([...VERSIONS.values()].map(({ version, disposition }) => [version, disposition] as const)),
)

/** What a room gets that asks for nothing else. */
export const DEFAULT_ROOM_VERSION = '12'

function next(
  base: RoomVersionRules,
  change: Partial<Omit<RoomVersionRules, 'auth'>>,
  auth?: Partial<AuthRules>,
): RoomVersionRules {
  return Object.freeze({ ...base, ...change, auth: Object.freeze({ ...base.auth, ...auth }) })
}
