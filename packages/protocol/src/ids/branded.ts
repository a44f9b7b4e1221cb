/** A string that has passed the named check; made only by that type's parser. */
export type Branded<Name extends string> = string & { readonly __brand: Name }

/** `!opaque:server` (room versions 1 to 11) or `!<hash>` (12). */
export type RoomId = Branded<'RoomId'>
/** `$opaque:server` (versions 1, 2) or `$<hash>`. */
export type EventId = Branded<'EventId'>
/** `@localpart:server`, at most 255 bytes. */
export type UserId = Branded<'UserId'>
/** A Matrix server name: host with optional port. Starling's own are CIDv1s of an identity key. */
export type ServerName = Branded<'ServerName'>
/** `#localpart:server`. */
export type RoomAlias = Branded<'RoomAlias'>
/** `ed25519:<version>`. */
export type KeyId = Branded<'KeyId'>
