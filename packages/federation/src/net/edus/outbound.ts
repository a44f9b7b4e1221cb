import type { JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'
import { JsonError, parseUserId, serverOf } from '@starling/protocol'
import type { DestinationOutbox } from '../outbox/destination-outbox.ts'
import type { Ground } from '../ports.ts'
import type { SharedRooms } from '../shared-rooms.ts'
import { toDeviceEdu } from './edu-contents.ts'
import type { JoinedUsers } from './joined-users.ts'

export interface OutboundParts {
  readonly ground: Ground
  readonly outbox: DestinationOutbox
  readonly sharedRooms: SharedRooms
  readonly joined: JoinedUsers
  /** The owner's name changed: rendezvous points follow. */
  readonly profileChanged: (userId: UserId) => Promise<void>
}

/** What local users' clients send to other servers, durably. Fits matrix-api's `Outbound`. */
export class OutboundEdus {
  readonly #parts: OutboundParts

  constructor(parts: OutboundParts) {
    this.#parts = parts
  }

  async toDevice(message: {
    readonly sender: UserId
    readonly type: string
    readonly messageId: string
    readonly messages: { readonly [userId: string]: { readonly [deviceId: string]: JsonObject } }
  }): Promise<void> {
    const byServer = new Map<ServerName, { [userId: string]: { readonly [deviceId: string]: JsonObject } }>()
    for (const [user, devices] of Object.entries(message.messages)) {
      const userId = parseUserId(user)
      if (!userId) continue
      const messages = byServer.get(serverOf(userId)) ?? {}
      byServer.set(serverOf(userId), { ...messages, [userId]: devices })
    }
    const edus = [...byServer].map(([server, messages]) => [server, toDeviceEdu({ ...message, messages })] as const)
    try {
      await this.#parts.outbox.addEdus(edus)
    } catch (error) {
      // No server could ever take it; failing the caller would have it tried again for ever.
      if (!(error instanceof JsonError)) throw error
      this.#parts.ground.logger.warn({ code: error.code }, 'a to-device message is no canonical JSON and was dropped')
    }
  }

  /** To every server that shares a room with the user. A server that comes to share one later asks for the keys itself. */
  async deviceListUpdate(update: JsonObject & { readonly user_id: UserId; readonly device_id: string }): Promise<void> {
    await this.#parts.outbox.addEdu(await this.#audience(update.user_id), {
      edu_type: 'm.device_list_update',
      content: update,
    })
  }

  async signingKeyUpdate(update: JsonObject & { readonly user_id: UserId }): Promise<void> {
    await this.#parts.outbox.addEdu(await this.#audience(update.user_id), {
      edu_type: 'm.signing_key_update',
      content: update,
    })
  }

  async profileChanged(userId: UserId): Promise<void> {
    await this.#parts.profileChanged(userId)
  }

  async #audience(userId: UserId): Promise<ReadonlySet<ServerName>> {
    const { joined, sharedRooms } = this.#parts
    const servers = new Set<ServerName>()
    for (const roomId of sharedRooms.rooms()) {
      const others = this.#missing(roomId, servers)
      if (others.length === 0 || !(await joined.isJoined(roomId, userId))) continue
      for (const server of others) servers.add(server)
    }
    return servers
  }

  #missing(roomId: RoomId, servers: ReadonlySet<ServerName>): ServerName[] {
    return this.#parts.sharedRooms.serversIn(roomId).filter((server) => !servers.has(server))
  }
}
