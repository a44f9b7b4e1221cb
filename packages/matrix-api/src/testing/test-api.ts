import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger, ServerName, UserId } from '@starling/protocol'
import type { Express } from 'express'
import { Accounts } from '../accounts/accounts.ts'
import { type AppDeps, createMatrixApp } from '../http/app.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { serverOptions, tuneServer } from '../http/server-options.ts'
import type { DeviceRegistry } from '../session/device-registry.ts'
import { Sessions } from '../session/sessions.ts'
import { MemoryStore } from './memory-store.ts'
import { SessionDevices } from './session-devices.ts'
import { TestPositions } from './stream-positions.ts'

/** What the endpoints under test are made from. */
export interface TestBase {
  readonly store: MemoryStore
  readonly positions: TestPositions
  readonly clock: ManualClock
  readonly logger: RecordingLogger
  readonly randomBytes: (size: number) => Uint8Array
  readonly serverName: ServerName
  readonly sessions: Sessions
  readonly accounts: Accounts
  readonly devices: DeviceRegistry
}

export interface TestUser {
  readonly userId: UserId
  readonly deviceId: string
  readonly token: string
}

/** An answer: the body parsed where it is JSON, else as text. */
export interface TestAnswer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any
  readonly headers: Headers
}

export interface TestRequest {
  readonly as?: TestUser | string
  readonly body?: object | string
  readonly query?: Readonly<Record<string, string | readonly string[]>>
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export interface ServedApp {
  readonly url: string
  readonly port: number
  /** A user with an account and a session, past the rate limits. */
  user(localpart?: string, deviceId?: string): Promise<TestUser>
  request(method: string, path: string, request?: TestRequest): Promise<TestAnswer>
  close(): Promise<void>
}

export interface TestApi extends ServedApp, TestBase, AsyncDisposable {}

/** Real time by default; `advance` moves it. */
export class ManualClock {
  #offset = 0
  now(): number {
    return Date.now() + this.#offset
  }
  advance(ms: number): void {
    this.#offset += ms
  }
}

/** Keeps what is logged. */
export class RecordingLogger implements Logger {
  readonly lines: { readonly level: string; readonly fields: Record<string, unknown>; readonly message: string }[] = []
  debug = this.#at('debug')
  info = this.#at('info')
  warn = this.#at('warn')
  error = this.#at('error')
  child(): Logger {
    return this
  }
  #at(level: string) {
    return (fields: Record<string, unknown>, message: string) => {
      this.lines.push({ level, fields, message })
    }
  }
}

/**
 * Serves endpoints on a loopback port, as node would: `await using api = await startTestApi((base) => myEndpoints({...}))`.
 * Without rate limits and host check unless asked.
 */
export async function startTestApi(
  endpointsOf: (base: TestBase) => readonly Endpoint[] | Promise<readonly Endpoint[]>,
  options: Partial<Pick<AppDeps, 'rateLimiter' | 'allowedHosts' | 'onRequest'>> & { readonly store?: MemoryStore } = {},
): Promise<TestApi> {
  const base = testBase(options.store)
  const app = createMatrixApp({
    endpoints: await endpointsOf(base),
    tokens: base.sessions,
    clock: base.clock,
    logger: base.logger,
    ...options,
  })
  const served = await serveApp(base, app)
  return { ...base, ...served, [Symbol.asyncDispose]: served.close }
}

/** Listens on a free loopback port with the settings that node uses. */
export async function serveApp(base: TestBase, app: Express): Promise<ServedApp> {
  const server = createServer(serverOptions, app)
  tuneServer(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    port,
    user: (localpart = 'p2p', deviceId = 'DEVICE') => makeUser(base, localpart, deviceId),
    request: (method, path, request = {}) => send(url, method, path, request),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The services that stand under every endpoint, in memory. */
export function testBase(store = new MemoryStore()): TestBase {
  const clock = new ManualClock()
  const serverName = 'here.test' as ServerName
  const sessions = new Sessions({ store, clock, randomBytes })
  const accounts = new Accounts({ store, clock, randomBytes, serverName })
  return {
    store,
    clock,
    serverName,
    sessions,
    accounts,
    randomBytes,
    positions: new TestPositions(),
    logger: new RecordingLogger(),
    devices: new SessionDevices(sessions),
  }
}

async function makeUser(base: TestBase, localpart: string, deviceId: string): Promise<TestUser> {
  const userId = await base.accounts.ensureOwner(localpart)
  await base.devices.ensure(userId, deviceId, undefined)
  const { accessToken } = await base.sessions.create(userId, deviceId)
  return { userId, deviceId, token: accessToken }
}

async function send(url: string, method: string, path: string, request: TestRequest): Promise<TestAnswer> {
  const target = new URL(url + path)
  for (const [name, value] of Object.entries(request.query ?? {})) {
    for (const one of typeof value === 'string' ? [value] : value) target.searchParams.append(name, one)
  }
  const token = typeof request.as === 'string' ? request.as : request.as?.token
  const response = await fetch(target, {
    method,
    redirect: 'manual',
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...request.headers },
    ...(request.body === undefined ? {} : { body: encodeBody(request.body) }),
    ...(request.signal ? { signal: request.signal } : {}),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false
  return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers }
}

function encodeBody(body: object | string): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body
  return body instanceof Uint8Array ? Uint8Array.from(body) : JSON.stringify(body)
}
