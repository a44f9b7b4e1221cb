/**
 * Lets everything else that waits for the event loop have its turn. Long work calls it every so many items, never by the
 * clock, so that a simulated run is the same each time.
 */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
