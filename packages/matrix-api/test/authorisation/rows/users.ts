import { ALICES, FORBIDDEN, NOT_FOUND, nobody, OWN, PUBLIC, type Row, row, toAll } from '../matrix.ts'

const RULE = { kind: 'content', ruleId: 'rule' }

/** What belongs to one user: profile, settings, devices, notifications, files. */
export const userRows: readonly Row[] = [
  row('searchUserDirectory', OWN, { body: { search_term: 'alice' } }),
  row('getUserProfile', PUBLIC),
  row('getProfileField', nobody(NOT_FOUND)),
  row('setProfileField', ALICES, { body: { displayname: 'Mallory' } }),
  row('deleteProfileField', ALICES),
  row('defineFilter', ALICES, { body: {} }),
  row('getFilter', ALICES),
  row('setAccountData', ALICES, { body: {} }),
  row('getAccountData', ALICES),
  row('setAccountDataPerRoom', ALICES, { body: {} }),
  row('getAccountDataPerRoom', ALICES),
  row('getRoomTags', ALICES),
  row('setRoomTag', ALICES, { body: {} }),
  row('deleteRoomTag', ALICES),
  row('getDevices', OWN),
  row('getDevice', toAll(NOT_FOUND)),
  row('updateDevice', toAll(NOT_FOUND), { body: { display_name: 'Mine now' } }),
  // None of them has a password to confirm with.
  row('deleteDevice', toAll(FORBIDDEN), { body: {} }),
  row('deleteDevices', toAll(FORBIDDEN), ({ alice }) => ({ body: { devices: [alice.deviceId] } })),
  row('setPresence', ALICES, { body: { presence: 'offline' } }),
  row('getPresence', ALICES),
  row('getNotifications', OWN),
  row('getPushers', OWN),
  row('postPusher', OWN, { body: { app_id: 'app', pushkey: 'key', kind: null } }),
  row('getPushRules', OWN),
  row('getPushRulesGlobal', OWN),
  row('getPushRule', toAll(NOT_FOUND), { path: RULE }),
  row('deletePushRule', toAll(NOT_FOUND), { path: RULE }),
  row('setPushRule', toAll('400 M_UNKNOWN'), {
    path: { kind: 'content', ruleId: 'mine' },
    query: { before: 'rule' },
    body: { actions: ['notify'], pattern: 'x' },
  }),
  row('isPushRuleEnabled', toAll(NOT_FOUND), { path: RULE }),
  row('setPushRuleEnabled', toAll(NOT_FOUND), { path: RULE, body: { enabled: false } }),
  row('getPushRuleActions', toAll(NOT_FOUND), { path: RULE }),
  row('setPushRuleActions', toAll(NOT_FOUND), { path: RULE, body: { actions: [] } }),
  row('reportUser', OWN, { body: { reason: 'Spam' } }),

  // Files are for whoever has a token and their address, which cannot be guessed. Uploads are new ones.
  row('uploadContent', OWN, { raw: 'mine' }),
  row('createContent', OWN),
  row('uploadContentToMXC', toAll('409 M_CANNOT_OVERWRITE_MEDIA'), { raw: 'mine' }),
  row('getContentAuthed', toAll('200 told')),
  row('getContentOverrideNameAuthed', toAll('200 told')),
  row('getContentThumbnailAuthed', toAll('400 M_UNKNOWN'), { query: { width: '32', height: '32' } }),
  row('getConfigAuthed', OWN),
  row('getUrlPreviewAuthed', toAll(FORBIDDEN), { query: { url: 'http://lan.example/' } }),
  // The deprecated routes: without a token too, for who is on this device (docs/decisions/0003).
  row('getContent', nobody('200 told')),
  row('getContentOverrideName', nobody('200 told')),
  row('getContentThumbnail', nobody('400 M_UNKNOWN'), { query: { width: '32', height: '32' } }),
  row('getConfig', OWN),
  row('getUrlPreview', toAll(FORBIDDEN), { query: { url: 'http://lan.example/' } }),
]
