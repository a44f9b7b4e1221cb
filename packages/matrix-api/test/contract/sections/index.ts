import type { Section } from '../operation.ts'
import { ACCOUNTS, ADMINISTRATION, LOGIN, THIRD_PARTY_IDS } from './accounts.ts'
import { APPLICATION_SERVICES, CAPABILITIES, DISCOVERY, OPENID, THIRD_PARTY_NETWORKS, VOIP } from './discovery.ts'
import { KEY_BACKUP, KEYS, SEND_TO_DEVICE } from './encryption.ts'
import { EPHEMERAL, READING, RELATIONS, REPORTING, SEARCH, SENDING, SYNC } from './events.ts'
import { MEDIA } from './media.ts'
import { PUSH } from './push.ts'
import { MEMBERSHIP, ROOMS } from './rooms.ts'
import { CLIENT_CONFIG, DEVICES, USER_DATA } from './user-data.ts'

/** All operations, by section of the spec, in about its order. */
export const SECTIONS: readonly Section[] = [
  ...[DISCOVERY, ACCOUNTS, LOGIN, THIRD_PARTY_IDS, CAPABILITIES],
  ...[SYNC, READING, SENDING, RELATIONS, SEARCH, ROOMS, MEMBERSHIP],
  ...[USER_DATA, CLIENT_CONFIG, EPHEMERAL, PUSH, MEDIA],
  ...[DEVICES, SEND_TO_DEVICE, KEYS, KEY_BACKUP],
  ...[ADMINISTRATION, REPORTING, VOIP, OPENID, THIRD_PARTY_NETWORKS, APPLICATION_SERVICES],
]
