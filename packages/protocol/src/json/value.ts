/** JSON as Matrix allows it in events: integers only, within ±(2^53−1). */
export type JsonValue = string | number | boolean | null | JsonArray | JsonObject
export type JsonArray = readonly JsonValue[]
export interface JsonObject {
  /** `undefined` only so that optional keys can be written in types; a parsed object never holds it. */
  readonly [key: string]: JsonValue | undefined
}
