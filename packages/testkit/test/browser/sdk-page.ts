/**
 * Runs in the browser: matrix-js-sdk with its Rust crypto as WASM and its keys in IndexedDB, as a web client on an origin of
 * its own has them. The test calls what stands under `sdkPage`.
 */
import {
  ClientEvent,
  createClient,
  type MatrixClient,
  MatrixEventEvent,
  RoomEvent,
  RoomStateEvent,
  SyncState,
} from 'matrix-js-sdk'

/** What the page offers; arguments and answers are JSON. */
export interface SdkPage {
  /** Logs in, starts crypto, and syncs once. @returns the user id. */
  start(baseUrl: string, loginToken: string): Promise<string>
  /** After a reload: the same session with the keys that the browser has kept. @returns the device id. */
  resume(): Promise<string>
  /** @returns the device id. */
  deviceId(): Promise<string>
  /** @returns the room id. */
  createRoom(options: object): Promise<string>
  sendText(roomId: string, body: string): Promise<string>
  /** The message with this text, once it is there and decrypted. */
  waitForText(roomId: string, body: string): Promise<{ readonly sender: string; readonly encrypted: boolean }>
  joined(roomId: string, userId: string): Promise<boolean>
  /** Uploads text and downloads it again, with the token in a header. @returns what came back. */
  roundTripMedia(text: string): Promise<string>
}

interface Session {
  readonly baseUrl: string
  readonly userId: string
  readonly deviceId: string
  readonly accessToken: string
}

/** Where the page keeps its session. */
const SESSION = 'session'

/** Of the browser, whose types these tests are not compiled with. */
declare const localStorage: {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

let current: MatrixClient | undefined

const sdkPage: SdkPage = {
  async start(baseUrl, loginToken) {
    const {
      user_id: userId,
      device_id: deviceId,
      access_token: accessToken,
    } = await createClient({
      baseUrl,
    }).loginRequest({ type: 'm.login.token', token: loginToken })
    const session: Session = { baseUrl, userId, deviceId, accessToken }
    localStorage.setItem(SESSION, JSON.stringify(session))
    await run(session)
    return userId
  },
  async resume() {
    const session = JSON.parse(localStorage.getItem(SESSION) ?? 'null') as Session
    await run(session)
    return session.deviceId
  },
  deviceId: async () => matrix().getDeviceId() ?? '',
  createRoom: async (options) => (await matrix().createRoom(options)).room_id,
  sendText: async (roomId, body) => (await matrix().sendTextMessage(roomId, body)).event_id,
  async waitForText(roomId, body) {
    const event = await found(() =>
      matrix()
        .getRoom(roomId)
        ?.getLiveTimeline()
        .getEvents()
        .find((candidate) => candidate.getContent().body === body && !candidate.isDecryptionFailure()),
    )
    return { sender: event.getSender() ?? '', encrypted: event.isEncrypted() }
  },
  joined: (roomId, userId) =>
    found(() => matrix().getRoom(roomId)?.getMember(userId)?.membership === 'join' || undefined),
  async roundTripMedia(text) {
    const { content_uri: uri } = await matrix().uploadContent(new Blob([text], { type: 'text/plain' }))
    const url = matrix().mxcUrlToHttp(uri, undefined, undefined, undefined, false, true, true) ?? ''
    const answer = await fetch(url, { headers: { authorization: `Bearer ${matrix().getAccessToken()}` } })
    return answer.text()
  },
}

Object.assign(globalThis, { sdkPage })

/** Starts the crypto on what IndexedDB holds, and syncs once. */
async function run(session: Session): Promise<void> {
  const client = createClient({ ...session })
  current = client
  await client.initRustCrypto()
  const synced = new Promise<void>((resolve) => {
    client.on(ClientEvent.Sync, (state) => state === SyncState.Syncing && resolve())
  })
  await client.startClient({ lazyLoadMembers: true, pollTimeout: 10_000 })
  await synced
}

function matrix(): MatrixClient {
  if (!current) throw new Error('not logged in yet')
  return current
}

/** What `look` finds, looked for again whenever the client hears anything. How long is the test's to bound. */
function found<T>(look: () => T | undefined): Promise<T> {
  const client = matrix()
  return new Promise((resolve) => {
    const check = (): void => {
      const result = look()
      if (result !== undefined) resolve(result)
    }
    client.on(RoomEvent.Timeline, check)
    client.on(RoomStateEvent.Events, check)
    client.on(MatrixEventEvent.Decrypted, check)
    check()
  })
}
