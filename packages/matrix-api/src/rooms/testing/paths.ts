import type { RoomId } from '@starling/protocol'

/** `/_matrix/client/v3/rooms/<room>/<parts…>`, each part encoded. */
export function roomPath(roomId: RoomId, ...parts: readonly string[]): string {
  return `/_matrix/client/v3/rooms/${[roomId, ...parts].map(encodeURIComponent).join('/')}`
}

export function client(path: string, version: 'v1' | 'v3' = 'v3'): string {
  return `/_matrix/client/${version}${path}`
}

/** The newest of `v1`'s operations are under `/v1/rooms`. */
export function roomPathV1(roomId: RoomId, ...parts: readonly string[]): string {
  return roomPath(roomId, ...parts).replace('/v3/', '/v1/')
}
