import { PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'

const FLAGS = [...PRIVATE_FLAGS, '--mdns', 'off', '--p2p-listen', '/ip4/127.0.0.1/tcp/0']

export interface BrowserNodeOptions {
  /** A folder of Element Web; without it the Element listener is off. */
  readonly elementDir?: string
  /** Another node that it knows from the start. */
  readonly friend?: StarlingProcess
  /** Flags beyond these. */
  readonly flags?: readonly string[]
}

/** A node that only this test should meet, on free ports of loopback. */
export function startNode({ elementDir, friend, flags = [] }: BrowserNodeOptions = {}): Promise<StarlingProcess> {
  const element = elementDir === undefined ? [] : ['--element-listen', '127.0.0.1:0', '--element-dir', elementDir]
  const friends = friend ? ['--bootstrap', friend.info.multiaddrs.join(',')] : []
  return StarlingProcess.start({ flags: [...FLAGS, ...element, ...friends, ...flags] })
}

/** The nodes of two people who have chosen names and know each other's node. */
export interface TwoNodes extends AsyncDisposable {
  readonly one: StarlingProcess
  readonly other: StarlingProcess
}

export async function introduce(elementDir: string, oneName: string, otherName: string): Promise<TwoNodes> {
  await using parts = new AsyncDisposableStack()
  const one = parts.use(await startNode({ elementDir }))
  const other = parts.use(await startNode({ elementDir, friend: one }))
  await setName(one, oneName)
  await setName(other, otherName)
  const kept = parts.move()
  return { one, other, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function setName(node: StarlingProcess, name: string): Promise<void> {
  const { baseUrl, accessToken } = node.ownerSession()
  const path = `/_matrix/client/v3/profile/${encodeURIComponent(node.info.user_id)}/displayname`
  const answer = await fetch(baseUrl + path, {
    method: 'PUT',
    headers: { authorization: `Bearer ${accessToken}` },
    body: JSON.stringify({ displayname: name }),
  })
  if (!answer.ok) throw new Error(`the name was refused: ${answer.status} ${await answer.text()}`)
}

/** Where a node serves Element Web. */
export function elementUrl(node: StarlingProcess): string {
  const { element } = node.info
  if (element === null) throw new Error('this node serves no Element Web')
  return element
}

/** The page on which a login that leads back to `redirectUrl` begins. */
export function loginPage(node: StarlingProcess, redirectUrl: string): string {
  return `${node.info.client_api}/_matrix/client/v3/login/sso/redirect?redirectUrl=${encodeURIComponent(redirectUrl)}`
}

/** `POST /login` with a login token: status and body. */
export async function logInWith(node: StarlingProcess, token: string): Promise<{ status: number; body: LoginAnswer }> {
  const answer = await fetch(`${node.info.client_api}/_matrix/client/v3/login`, {
    method: 'POST',
    body: JSON.stringify({ type: 'm.login.token', token }),
  })
  return { status: answer.status, body: (await answer.json()) as LoginAnswer }
}

export interface LoginAnswer {
  readonly user_id?: string
  readonly errcode?: string
}
