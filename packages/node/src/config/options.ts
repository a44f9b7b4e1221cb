import { homedir, platform } from 'node:os'
import { join } from 'node:path'
import {
  type Parsed,
  parseDays,
  parseElementListen,
  parseHttpUrls,
  parseLevel,
  parseListen,
  parseMebibytes,
  parseMultiaddrs,
  parseMultiaddrsOrNone,
  parseOnOff,
  parseOrigins,
  parsePath,
  parseRegistration,
  parseSize,
  parseText,
  parseTurnUris,
} from './parsers.ts'

/** One setting: how it is named outside, what it may be, and what it is when nobody says. */
export interface ConfigOption<T> {
  /** Flag without dashes; the environment variable and the file's key are derived from it (`envName`, `fileKey`). */
  readonly flag: string
  readonly value: string
  readonly help: string
  readonly parse: (text: string) => Parsed<T>
  readonly defaultValue: () => T
}

function option<T>(definition: ConfigOption<T>): ConfigOption<T> {
  return definition
}

/** The whole of what can be configured (docs/ARCHITECTURE.md, "Outer contract"). */
export const OPTIONS = {
  dataDir: option({
    flag: 'data-dir',
    value: 'DIR',
    help: 'where keys, database and media live',
    parse: parsePath,
    defaultValue: defaultDataDir,
  }),
  listen: option({
    flag: 'listen',
    value: 'HOST:PORT',
    help: 'Matrix client API; port 0 takes any free port',
    parse: parseListen,
    defaultValue: () => ({ host: '127.0.0.1', port: 8008 }),
  }),
  elementListen: option({
    flag: 'element-listen',
    value: 'HOST:PORT|off',
    help: 'Element Web',
    parse: parseElementListen,
    defaultValue: () => ({ host: '127.0.0.1', port: 8009 }),
  }),
  elementDir: option<string | undefined>({
    flag: 'element-dir',
    value: 'PATH',
    help: 'a folder or .tar.gz of Element Web to use instead of fetching the pinned release',
    parse: parsePath,
    defaultValue: () => undefined,
  }),
  p2pListen: option<readonly string[] | undefined>({
    flag: 'p2p-listen',
    value: 'MULTIADDR,…',
    help: 'libp2p addresses; without it port 4009 on all interfaces, or a free one if that is taken',
    parse: parseMultiaddrs,
    // Undefined tells the host that it may fall back to a free port: an address that was asked for is not moved.
    defaultValue: () => undefined,
  }),
  bootstrap: option<readonly string[] | 'public' | 'none'>({
    flag: 'bootstrap',
    value: 'MULTIADDR,…|none',
    help: 'first contacts for the DHT; without it the public bootstrap list',
    parse: parseMultiaddrsOrNone,
    defaultValue: () => 'public',
  }),
  mdns: option({
    flag: 'mdns',
    value: 'on|off',
    help: 'find nodes on the local network',
    parse: parseOnOff,
    defaultValue: () => true,
  }),
  relays: option<readonly string[]>({
    flag: 'relays',
    value: 'MULTIADDR,…',
    help: 'static relays to be reachable through',
    parse: parseMultiaddrs,
    defaultValue: () => [],
  }),
  networkSecret: option<string | undefined>({
    flag: 'network-secret',
    value: 'TEXT',
    help: 'private network: only nodes with the same secret can talk (empty = none)',
    parse: parseText,
    defaultValue: () => undefined,
  }),
  registration: option({
    flag: 'registration',
    value: 'off|token|open',
    help: 'who may make accounts on this node',
    parse: parseRegistration,
    defaultValue: () => 'off' as const,
  }),
  registrationToken: option<string | undefined>({
    flag: 'registration-token',
    value: 'TEXT',
    help: 'the token that --registration token asks for',
    parse: parseText,
    defaultValue: () => undefined,
  }),
  rateLimits: option({
    flag: 'rate-limits',
    value: 'on|off',
    help: 'limits on what clients may ask per second',
    parse: parseOnOff,
    defaultValue: () => true,
  }),
  urlPreviews: option({
    flag: 'url-previews',
    value: 'on|off',
    help: 'let this device fetch the pages that links in messages lead to, for clients to show: tells those sites its address',
    parse: parseOnOff,
    defaultValue: () => false,
  }),
  mediaMaxUpload: option<number | undefined>({
    flag: 'media-max-upload',
    value: 'MIB',
    help: 'largest file that is taken, from clients and from other nodes; without it 100',
    parse: parseMebibytes,
    defaultValue: () => undefined,
  }),
  mediaQuota: option<number | undefined>({
    flag: 'media-quota',
    value: 'MIB',
    help: 'all uploads of one account together; without it 20480',
    parse: parseMebibytes,
    defaultValue: () => undefined,
  }),
  mediaCache: option<number | undefined>({
    flag: 'media-cache',
    value: 'MIB',
    help: 'files of other nodes kept here together, the longest unused go first; without it 2048',
    parse: parseMebibytes,
    defaultValue: () => undefined,
  }),
  historyDays: option<number | undefined>({
    flag: 'history-days',
    value: 'DAYS|off',
    help: 'remove messages older than this from this node, in every room (off = keep them)',
    parse: parseDays,
    defaultValue: () => undefined,
  }),
  historyBytes: option<number | undefined>({
    flag: 'history-bytes',
    value: 'SIZE|off',
    help: 'bytes that the messages of all rooms may take, such as 500M or 2G: the largest rooms give their oldest first (off = no limit)',
    parse: parseSize,
    defaultValue: () => undefined,
  }),
  roomRetention: option({
    flag: 'room-retention',
    value: 'on|off',
    help: 'also remove messages when a room says so (m.room.retention), after a day at the soonest',
    parse: parseOnOff,
    defaultValue: () => false,
  }),
  messageOfTheDay: option<string | undefined>({
    flag: 'message-of-the-day',
    value: 'TEXT',
    help: 'sent to every user of this node once, and again whenever it changes',
    parse: parseText,
    defaultValue: () => undefined,
  }),
  sessionIdleDays: option<number | undefined>({
    flag: 'session-idle-days',
    value: 'DAYS|off',
    help: 'clients that were not used for so long have to log in again (off = never)',
    parse: parseDays,
    defaultValue: () => undefined,
  }),
  pushGateways: option<readonly string[]>({
    flag: 'push-gateways',
    value: 'ORIGIN,…',
    help: 'push gateways on the own network, such as http://192.168.1.2:8080; all others must be public and https',
    parse: parseOrigins,
    defaultValue: () => [],
  }),
  turnUris: option<readonly string[]>({
    flag: 'turn-uris',
    value: 'URI,…',
    help: 'TURN servers for calls, such as turn:turn.example.org?transport=udp',
    parse: parseTurnUris,
    defaultValue: () => [],
  }),
  turnSecret: option<string | undefined>({
    flag: 'turn-secret',
    value: 'TEXT',
    help: 'secret shared with the TURN servers, for credentials that end by themselves',
    parse: parseText,
    defaultValue: () => undefined,
  }),
  turnUser: option<string | undefined>({
    flag: 'turn-user',
    value: 'TEXT',
    help: 'fixed user name at the TURN servers, instead of a shared secret',
    parse: parseText,
    defaultValue: () => undefined,
  }),
  turnPassword: option<string | undefined>({
    flag: 'turn-password',
    value: 'TEXT',
    help: 'the password that goes with --turn-user',
    parse: parseText,
    defaultValue: () => undefined,
  }),
  rtcTransports: option<readonly string[]>({
    flag: 'rtc-transports',
    value: 'URL,…',
    help: 'LiveKit services through which Element Call can hold group calls',
    parse: parseHttpUrls,
    defaultValue: () => [],
  }),
  logLevel: option({
    flag: 'log-level',
    value: 'LEVEL',
    help: 'fatal, error, warn, info, debug, trace or silent',
    parse: parseLevel,
    defaultValue: () => 'info' as const,
  }),
  readyFile: option<string | undefined>({
    flag: 'ready-file',
    value: 'PATH',
    help: 'write addresses and ids here as JSON once the node serves',
    parse: parsePath,
    defaultValue: () => undefined,
  }),
} as const

export type OptionName = keyof typeof OPTIONS

type ValueOf<O> = O extends ConfigOption<infer T> ? T : never

/** The frozen result. Each component is handed its slice by the composition root. */
export type Config = { readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]> }

/** `data-dir` → `STARLING_DATA_DIR`. */
export function envName(flag: string): string {
  return `STARLING_${flag.replaceAll('-', '_').toUpperCase()}`
}

/** Platform's place for application data: XDG on Linux, Library on macOS, LOCALAPPDATA on Windows. */
function defaultDataDir(): string {
  const home = homedir()
  if (platform() === 'darwin') return join(home, 'Library', 'Application Support', 'starling')
  if (platform() === 'win32') return join(process.env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'), 'starling')
  return join(process.env.XDG_DATA_HOME || join(home, '.local', 'share'), 'starling')
}
