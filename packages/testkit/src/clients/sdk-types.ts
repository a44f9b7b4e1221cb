/** What crosses the pipe between `SdkClient` and its agent process. */

export interface SdkSession {
  readonly baseUrl: string
  readonly accessToken: string
}

export interface WhoAmI {
  readonly userId: string
  readonly deviceId: string
}

export interface SeenEvent {
  readonly eventId: string
  readonly sender: string
  /** After decryption. */
  readonly type: string
  /** As it came. */
  readonly wireType: string
  readonly body: string | undefined
  readonly encrypted: boolean
  readonly decryptionFailure: boolean
  readonly redacted: boolean
}

export interface SeenMember {
  readonly userId: string
  readonly membership: string
  readonly displayName: string
  readonly avatarUrl: string | null
}

export interface SeenRoom {
  readonly roomId: string
  readonly name: string
  readonly version: string
  readonly membership: string
  readonly encrypted: boolean
  /** Who invited to a direct chat, as the invitee's client knows it. */
  readonly isDirectWith: string | null
  readonly members: readonly SeenMember[]
  /** `m.room.message` and `m.room.encrypted` events of the live timeline, oldest first. */
  readonly messages: readonly SeenEvent[]
}

/** What a test may wait for; each is looked at again whenever the client hears anything. */
export type Condition =
  | { readonly kind: 'synced' }
  | { readonly kind: 'invited'; readonly from?: string }
  | { readonly kind: 'membership'; readonly roomId: string; readonly userId: string; readonly membership: string }
  | {
      readonly kind: 'member'
      readonly roomId: string
      readonly userId: string
      readonly displayName?: string
      readonly avatarUrl?: string
    }
  | { readonly kind: 'message'; readonly roomId: string; readonly body: string }
  | { readonly kind: 'redacted'; readonly roomId: string; readonly eventId: string }
  | { readonly kind: 'typing'; readonly roomId: string; readonly userId: string; readonly typing: boolean }
  | { readonly kind: 'receipt'; readonly roomId: string; readonly userId: string; readonly eventId: string }
