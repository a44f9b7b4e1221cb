/**
 * DNS rebinding: a page of evil.example whose name turns into 127.0.0.1 would be this listener's own origin. Its browser
 * still says `Host: evil.example`, so a loopback listener answers only to the names under which it is known.
 */
export function hostIsAllowed(hostHeader: string | undefined, allowedHosts: readonly string[]): boolean {
  if (hostHeader === undefined) return false
  return allowedHosts.includes(hostName(hostHeader))
}

/** Names of a loopback listener, as they stand in a `Host` header without the port. */
export const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

function hostName(hostHeader: string): string {
  return hostHeader.toLowerCase().replace(/:\d*$/, '')
}
