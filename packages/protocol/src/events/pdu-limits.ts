/** Bytes of a whole event in canonical JSON, signatures included. Client-server API, "Size limits". */
export const MAX_PDU_BYTES = 65_536
/** Bytes of `type` and of `state_key`. */
export const MAX_KEY_BYTES = 255
/** PDU schema: "Must contain less than or equal to 20 events." */
export const MAX_PREV_EVENTS = 20
/** PDU schema: "Must contain less than or equal to 10 events." */
export const MAX_AUTH_EVENTS = 10
/** PDU schema: the greatest integer of canonical JSON. A room that is there stays there. */
export const MAX_DEPTH = Number.MAX_SAFE_INTEGER
