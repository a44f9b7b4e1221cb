/**
 * Versions of the specification that clients may count on here. `r0.*`: for clients that know nothing newer and use the
 * `/r0` paths, which all are served.
 */
export const SUPPORTED_VERSIONS: readonly string[] = [
  'r0.0.1',
  'r0.1.0',
  'r0.2.0',
  'r0.3.0',
  'r0.4.0',
  'r0.5.0',
  'r0.6.0',
  'r0.6.1',
  ...Array.from({ length: 19 }, (_, index) => `v1.${index + 1}`),
]

/** Features by the names that clients look for, each of them served. */
export const UNSTABLE_FEATURES: Readonly<Record<string, boolean>> = {
  'org.matrix.e2e_cross_signing': true,
  'org.matrix.msc3440.stable': true,
  'org.matrix.msc3814': true,
  'org.matrix.msc4222': true,
  'org.matrix.simplified_msc3575': true,
  'uk.half-shot.msc2666.query_mutual_rooms': true,
  'uk.tcpip.msc4133': true,
  'uk.tcpip.msc4133.stable': true,
}
