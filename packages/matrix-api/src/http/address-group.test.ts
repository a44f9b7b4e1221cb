import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressGroup } from './address-group.ts'
import { MatrixError } from './matrix-error.ts'
import { createRateLimiter } from './rate-limits.ts'

test('an IPv6 host with 2^64 addresses is one guesser, IPv4 hosts are each their own', () => {
  const groups: Readonly<Record<string, string>> = {
    '192.0.2.7': '192.0.2.7',
    '::ffff:192.0.2.7': '192.0.2.7',
    '::1': '::1',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
    '2001:0db8:0001:0002::9': '2001:db8:1:2::/64',
    '2001:db8::9': '2001:db8:0:0::/64',
    'fe80::1:2:3:4%eth0': 'fe80:0:0:0::/64',
    unknown: 'unknown',
  }
  for (const [address, group] of Object.entries(groups)) assert.equal(addressGroup(address), group, address)
})

test('bad input 19: guesses from all addresses of one IPv6 network are slowed down together; by address they would not be', () => {
  const refusedOf = (group: (address: string) => string) => {
    const limiter = createRateLimiter({ now: () => 0 }, { login: { burst: 3, perSecond: 1 } })
    const addresses = Array.from({ length: 10 }, (_, host) => `2001:db8::${host + 1}`)
    return addresses.filter((address) => {
      try {
        limiter.take('login', group(address))
        return false
      } catch (error) {
        return error instanceof MatrixError && error.status === 429
      }
    }).length
  }
  assert.equal(refusedOf(addressGroup), 7)
  assert.equal(
    refusedOf((address) => address),
    0,
  )
})
