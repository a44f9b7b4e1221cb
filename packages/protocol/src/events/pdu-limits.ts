/** Bytes of a whole event in canonical JSON, signatures included. Client-server API, "Size limits". */
export const MAX_PDU_BYTES = 65_536
/**
 * Objects and arrays inside one another, the event itself counted. Starling's own bound, below that of `parseStrictJson` (100), so
 * that an event which was taken in by itself can also be sent on inside requests and batches (CVE-2025-30355).
 */
export const MAX_PDU_NESTING = 90
/** Bytes of `type` and of `state_key`. */
export const MAX_KEY_BYTES = 255
/** PDU schema: "Must contain less than or equal to 20 events." */
export const MAX_PREV_EVENTS = 20
/** PDU schema: "Must contain less than or equal to 10 events." */
export const MAX_AUTH_EVENTS = 10
/** PDU schema: the greatest integer of canonical JSON, also for versions 1 to 5, which would allow 2^63−1. A room that is there stays there. */
export const MAX_DEPTH = Number.MAX_SAFE_INTEGER
