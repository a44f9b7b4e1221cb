import { PRIVATE_FLAGS, StarlingProcess } from '@starling/testkit'

const FLAGS = [...PRIVATE_FLAGS, '--mdns', 'off', '--p2p-listen', '/ip4/127.0.0.1/tcp/0']

export interface BrowserNodeOptions {
  /** A folder of Element Web; without it the Element listener is off. */
  readonly elementDir?: string
  /** Another node that it knows from the start. */
  readonly friend?: StarlingProcess
}

/** A node that only this test should meet, on free ports of loopback. */
export function startNode({ elementDir, friend }: BrowserNodeOptions = {}): Promise<StarlingProcess> {
  const element = elementDir === undefined ? [] : ['--element-listen', '127.0.0.1:0', '--element-dir', elementDir]
  const friends = friend ? ['--bootstrap', friend.info.multiaddrs.join(',')] : []
  return StarlingProcess.start({ flags: [...FLAGS, ...element, ...friends] })
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
