import type { RoomId, Sha256 } from '@starling/protocol'
import { encodeBase64Url } from '@starling/protocol'

const utf8 = new TextEncoder()
/** 128 bits: short, because each subscription to each peer carries it (DESIGN section 9.10). */
const TOPIC_BYTES = 16

/** A room's gossip topic: 22 characters that tell nothing of the room to who does not know its id. */
export function topicOf(roomId: RoomId, sha256: Sha256): string {
  return encodeBase64Url(sha256(utf8.encode(`starling/room/1\n${roomId}`)).subarray(0, TOPIC_BYTES))
}
