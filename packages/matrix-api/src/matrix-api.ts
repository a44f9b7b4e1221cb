import type { JsonObject, UserId } from '@starling/protocol'
import type { Express } from 'express'
import { AccountDataStore } from './account-data/account-data-store.ts'
import { Accounts } from './accounts/accounts.ts'
import { createFarewell } from './accounts/farewell.ts'
import { InteractiveAuth } from './accounts/interactive-auth/interactive-auth.ts'
import { UiaSessions } from './accounts/interactive-auth/uia-sessions.ts'
import { LoginTokens } from './accounts/login-tokens.ts'
import { newDeviceId } from './accounts/open-session.ts'
import { ownerName } from './accounts/owner-name.ts'
import { AccountStandingGuard } from './admin/account-standing-guard.ts'
import { RoomPeople } from './discovery/room-people.ts'
import { createEncryption, type EncryptionForServers } from './e2ee/encryption.ts'
import { PresenceTracker } from './ephemeral/presence-tracker.ts'
import { createFilterStore } from './filters/filter-store.ts'
import { createMatrixApp } from './http/app.ts'
import { createRateLimiter, NO_RATE_LIMITS } from './http/rate-limits.ts'
import type { MatrixApiOptions, MatrixApiPorts } from './matrix-api-options.ts'
import { Media } from './media/media.ts'
import { UrlPreviews } from './media/previews/url-previews.ts'
import { InviteeProfiles } from './profile/invitee-profiles.ts'
import { ProfilePropagation } from './profile/profile-propagation.ts'
import { ProfileStore } from './profile/profiles.ts'
import { RemoteProfiles } from './profile/remote-profiles.ts'
import { PushDelivery } from './push/delivery/push-delivery.ts'
import { RoomPushEvaluation } from './push/push-evaluation.ts'
import { PushRules } from './push/push-rules.ts'
import { Pushers } from './push/pushers.ts'
import { Reports } from './reporting/reports.ts'
import { type DirectoryForServers, directoryForServers } from './rooms/directory/directory-for-servers.ts'
import { invitePolicy } from './rooms/membership/invite-permission.ts'
import { createRoomDirectory } from './rooms/room-directory.ts'
import { OutlinedRooms } from './rooms/spaces/outlined-rooms.ts'
import { CarriedSettings } from './rooms/upgrade/carried-settings.ts'
import { allEndpoints } from './routes.ts'
import { IndexFollower } from './search/index-follower.ts'
import { SearchIndex } from './search/search-index.ts'
import { NoticesRoomGuard } from './server-notices/notices-room-guard.ts'
import { ServerNotices } from './server-notices/server-notices.ts'
import { Sessions } from './session/sessions.ts'
import { UnreadCounts } from './sync/unread-counts.ts'
import { NO_VOIP } from './voip/voip-settings.ts'

/** What other servers ask of this node's accounts: federation's `LocalUsers`. */
export interface LocalUsers extends EncryptionForServers {
  discoverable(): Promise<readonly UserId[]>
  exists(userId: UserId): Promise<boolean>
  profile(userId: UserId): Promise<JsonObject | undefined>
  hasErased(userId: UserId): Promise<boolean>
}

/** What else other servers ask: federation's `RoomDirectory` and `InvitePolicy`. */
export interface RoomsForServers {
  readonly directory: DirectoryForServers
  readonly invitePolicy: ReturnType<typeof invitePolicy>
}

export interface MatrixApi {
  /** For `http.createServer(serverOptions, app)`, tuned by `tuneServer`. */
  readonly app: Express
  readonly localUsers: LocalUsers
  /** Federation's `LocalMedia`. */
  readonly localMedia: Pick<Media['local'], 'open'>
  readonly forServers: RoomsForServers
  readonly accounts: Accounts
  /** What the node tells its users. */
  readonly notices: ServerNotices
  readonly reports: Reports
  /** A new session of a user, on a new device: for the node's owner, whom the operating system has let in. */
  issueToken(
    userId: UserId,
    deviceDisplayName: string,
  ): Promise<{ readonly deviceId: string; readonly accessToken: string }>
  /** Shows a local user's joins that take long, as account data of type `org.starling.joins`; an empty list at their end. */
  showJoins(userId: UserId, joins: readonly JsonObject[]): Promise<void>
  /** Finishes what a crash cut short. Before listening. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** Account data of this software's own: `{joins: [{room_id, stage, events, total, …}]}`, empty when none is under way. */
const JOINS = 'org.starling.joins'

/** Wires the sections of the API, lowest first. The one place in this package that knows them all. */
export function createMatrixApi(ports: MatrixApiPorts, options: MatrixApiOptions): MatrixApi {
  const { store, clock, logger, randomBytes, positions, reader, ephemeral, remote } = ports
  const { serverName } = options
  const rateLimiter = options.rateLimits === false ? NO_RATE_LIMITS : createRateLimiter(clock)

  const sessions = new Sessions({ store, clock, randomBytes, idleMs: options.sessionIdleMs })
  const accounts = new Accounts({ store, clock, randomBytes, serverName })
  const uiaSessions = new UiaSessions(clock, randomBytes)
  const interactiveAuth = new InteractiveAuth({ accounts, uiaSessions, rateLimiter })

  const pushRules = new PushRules(store, () => accountData)
  const accountData: AccountDataStore = new AccountDataStore(
    { store, positions },
    { 'm.push_rules': (userId) => pushRules.render(userId) },
  )
  const pushers = new Pushers(store, clock)
  const push = new RoomPushEvaluation(pushRules, reader)

  const profiles = new ProfileStore(store)
  const propagation = new ProfilePropagation({ ...ports, profiles })
  const remoteProfiles = new RemoteProfiles({ remote, reader, positions, clock })

  const encryption = createEncryption({ ...ports, rooms: reader, accounts, sessions, deviceFollowers: [pushers] })
  const { devices } = encryption
  const media = new Media({
    ...ports,
    serverName,
    directory: options.mediaDirectory,
    ...(options.mediaLimits && { limits: options.mediaLimits }),
  })

  const { messageOfTheDay } = options
  const notices = new ServerNotices({ ...ports, accounts, accountData, profiles, messageOfTheDay })
  const reports = new Reports({ store, clock, accounts, notices, logger })

  const ownGateways = options.pushGateways ?? []
  const pushDelivery = new PushDelivery({
    ...{ ...ports, accountData, pushers, push, ownGateways },
    unreadCounts: new UnreadCounts({ reader, ephemeral, push }),
    isLocked: async (userId) => (await accounts.standing(userId)).locked,
    ...options.pushing,
  })

  const previews = new UrlPreviews({
    ...{ store, clock, serverName, images: media.previewImages },
    ...(options.previewing && { fetching: options.previewing }),
  })

  const presence = new PresenceTracker({ ephemeral, clock, logger })
  const filters = createFilterStore(store, clock)
  const directory = createRoomDirectory(store, clock)

  const index = new SearchIndex(store)
  const follower = new IndexFollower({ index, reader, positions, users: accounts, clock, logger })

  const endpoints = allEndpoints({
    ...ports,
    ...encryption,
    serverName,
    sessions,
    accounts,
    uiaSessions,
    interactiveAuth,
    rateLimiter,
    accountData,
    pushRules,
    pushers,
    push,
    profiles,
    propagation,
    remoteProfiles,
    invitees: new InviteeProfiles({ accounts, profiles, remoteProfiles }),
    media,
    previews: options.urlPreviews ? previews : undefined,
    presence,
    filters,
    directory,
    ...{ index, follower, history: follower },
    carriedSettings: new CarriedSettings({ reader, accountData, pushRules, logger }),
    outlines: new OutlinedRooms({ ...ports, serverName, users: accounts }),
    inbox: encryption.inbox,
    loginTokens: new LoginTokens(clock, randomBytes),
    registration: options.registration ?? { mode: 'off' },
    ownerName: ownerName({ profiles, propagation, logger }),
    trustedOrigins: options.trustedOrigins ?? (() => []),
    farewell: createFarewell({
      ...{ ...ports, profiles, accountData },
      eraseKeys: (userId) => encryption.eraseUser(userId),
    }),
    roomPeople: new RoomPeople(reader),
    publicBaseUrl: options.publicBaseUrl,
    reports,
    voip: options.voip ?? NO_VOIP,
    ownGateways,
  })
  return {
    app: createMatrixApp({
      endpoints,
      tokens: sessions,
      clock,
      logger,
      rateLimiter,
      allowedHosts: options.allowedHosts,
      onRequest: options.onRequest,
      guards: [new AccountStandingGuard({ accounts, reader }), new NoticesRoomGuard({ notices, reader })],
    }),
    accounts,
    notices,
    reports,
    localMedia: media.local,
    forServers: {
      directory: directoryForServers({ directory, reader, serverName }),
      invitePolicy: invitePolicy(accountData),
    },
    localUsers: {
      ...encryption.forServers,
      discoverable: async () => {
        const owner = await accounts.owner()
        return owner ? [owner] : []
      },
      exists: (userId) => accounts.isPerson(userId),
      profile: async (userId) => ((await accounts.exists(userId)) ? profiles.whole(userId) : undefined),
      hasErased: async (userId) => (await accountData.erased()).has(userId),
    },
    async issueToken(userId, deviceDisplayName) {
      const deviceId = newDeviceId(randomBytes)
      await devices.ensure(userId, deviceId, deviceDisplayName)
      const { accessToken } = await sessions.create(userId, deviceId)
      return { deviceId, accessToken }
    },
    showJoins: (userId, joins) =>
      accountData.update(userId, undefined, JOINS, (before) =>
        joins.length === 0 && !(before?.joins as readonly unknown[] | undefined)?.length ? undefined : { joins },
      ),
    async start() {
      await media.start()
      await encryption.start()
      follower.start()
      pushDelivery.start()
      runInBackground(propagation.start(), 'profile changes could not be carried on')
      runInBackground(notices.start(), 'the message of the day could not be sent')
      runInBackground(reports.tell(), 'the owner could not be told of reports')
    },
    async stop() {
      presence.stop()
      encryption.stop()
      await pushDelivery.stop()
      await follower.stop()
    },
  }

  /** Needs rooms, perhaps other nodes: nobody has to wait for it. */
  function runInBackground(task: Promise<void>, failure: string): void {
    task.catch((error: unknown) => logger.error({ error: String(error) }, failure))
  }
}
