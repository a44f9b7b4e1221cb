import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'

/** A setting's value, or what is wrong with it in words for the person who wrote it. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }

export interface ListenAddress {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const REGISTRATION = ['off', 'token', 'open'] as const
export type RegistrationMode = (typeof REGISTRATION)[number]

const ok = <T>(value: T): Parsed<T> => ({ ok: true, value })
const bad = (problem: string): { readonly ok: false; readonly problem: string } => ({ ok: false, problem })

export function parsePath(text: string): Parsed<string> {
  return text === '' ? bad('needs a path') : ok(resolve(text))
}

/** Empty text means "none". */
export function parseText(text: string): Parsed<string | undefined> {
  return ok(text === '' ? undefined : text)
}

export function parseOnOff(text: string): Parsed<boolean> {
  if (text === 'on' || text === 'true') return ok(true)
  if (text === 'off' || text === 'false') return ok(false)
  return bad('must be on or off')
}

/** `127.0.0.1:8008`, `localhost:0`, `[::1]:8008`. */
export function parseListen(text: string): Parsed<ListenAddress> {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  if (!match) return bad('must be HOST:PORT, with IPv6 hosts in brackets')
  const host = match[1] ?? match[2] ?? ''
  const port = Number(match[3])
  if (port > 65_535) return bad(`port ${port} is above 65535`)
  if (match[1] !== undefined && isIP(host) !== 6) return bad(`${host} is not an IPv6 address`)
  return ok({ host, port })
}

/** Whole days, at least one; "off" for no limit. */
export function parseDays(text: string): Parsed<number | undefined> {
  if (text === 'off') return ok(undefined)
  const days = Number(text)
  return Number.isSafeInteger(days) && days >= 1 && days <= 36_500 ? ok(days) : bad('must be a number of days, or off')
}

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** Bytes, or with K, M, G or T behind it multiples of 1,024; at least a mebibyte. "off" for no limit. */
export function parseSize(text: string): Parsed<number | undefined> {
  if (text === 'off') return ok(undefined)
  const [, digits, unit] = /^(\d{1,15})([KMGT]?)$/i.exec(text) ?? []
  const size = Number(digits ?? Number.NaN) * (SIZE_UNITS[(unit ?? '').toUpperCase()] ?? Number.NaN)
  return Number.isSafeInteger(size) && size >= 2 ** 20 ? ok(size) : bad('must be a size such as 500M or 2G, or off')
}

/** Whole mebibytes, at least one, as bytes. */
export function parseMebibytes(text: string): Parsed<number> {
  const size = Number(text)
  return Number.isSafeInteger(size) && size >= 1 && size <= 2 ** 30
    ? ok(size * 1024 * 1024)
    : bad('must be a number of MiB, at least 1')
}

export function parseElementListen(text: string): Parsed<ListenAddress | 'off'> {
  return text === 'off' ? ok('off') : parseListen(text)
}

export function parseMultiaddrs(text: string): Parsed<readonly string[]> {
  const parts = text.split(',').map((part) => part.trim())
  const addresses = parts.filter((part) => part !== '')
  for (const address of addresses) {
    try {
      multiaddr(address)
    } catch (error) {
      return bad(`${address} is not a multiaddress (${error instanceof Error ? error.message : String(error)})`)
    }
  }
  return ok(addresses)
}

export function parseMultiaddrsOrNone(text: string): Parsed<readonly string[] | 'public' | 'none'> {
  if (text === 'none') return ok('none')
  const list = parseMultiaddrs(text)
  return list.ok && list.value.length === 0 ? ok('public') : list
}

/** `http://192.168.1.2:8080`: scheme, host and port, nothing behind them. */
export function parseOrigins(text: string): Parsed<readonly string[]> {
  return listOf(text, 'an http or https origin', (part) => {
    const url = URL.canParse(part) ? new URL(part) : undefined
    return url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` ? url.origin : undefined
  })
}

export function parseHttpUrls(text: string): Parsed<readonly string[]> {
  return listOf(text, 'an http or https address', (part) =>
    URL.canParse(part) && /^https?:$/.test(new URL(part).protocol) ? part : undefined,
  )
}

/** `turn:` and `turns:` addresses (RFC 7065). */
export function parseTurnUris(text: string): Parsed<readonly string[]> {
  return listOf(text, 'a turn: or turns: address', (part) => (/^turns?:[^\s,/]+$/.test(part) ? part : undefined))
}

function listOf(text: string, what: string, read: (part: string) => string | undefined): Parsed<readonly string[]> {
  const values: string[] = []
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue
    const value = read(part)
    if (value === undefined) return bad(`${part} is not ${what}`)
    values.push(value)
  }
  return ok(values)
}

export function parseRegistration(text: string): Parsed<RegistrationMode> {
  return oneOf(REGISTRATION, text)
}

export function parseLevel(text: string): Parsed<LogLevel> {
  return oneOf(LOG_LEVELS, text)
}

function oneOf<const T extends readonly string[]>(choices: T, text: string): Parsed<T[number]> {
  const found = choices.find((choice) => choice === text)
  return found === undefined ? bad(`must be one of ${choices.join(', ')}`) : ok(found)
}
