import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const INDEX = '<!doctype html><title>Element</title><div id="matrixchat"></div><script src="bundles/1/app.js"></script>'

/** Does what Element Web does until it is logged in: reads its configuration, goes to the login page, uses the token. */
const APP = `
const show = (text) => { document.getElementById('matrixchat').textContent = text }
async function main() {
  const config = await (await fetch('config.json')).json()
  const { base_url: baseUrl } = config.default_server_config['m.homeserver']
  const token = new URLSearchParams(location.search).get('loginToken')
  if (token === null) {
    location.href = baseUrl + '/_matrix/client/v3/login/sso/redirect?redirectUrl=' + encodeURIComponent(location.href)
    return
  }
  const answer = await fetch(baseUrl + '/_matrix/client/v3/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'm.login.token', token }),
  })
  const body = await answer.json()
  show(answer.ok ? 'logged in as ' + body.user_id : body.errcode)
}
main().catch((error) => show(String(error)))
`

/** A folder that looks like Element Web to the node, and behaves like it to a person until they are logged in. */
export async function fakeElement(): Promise<{ readonly directory: string } & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-fake-element-'))
  await mkdir(join(directory, 'bundles', '1'), { recursive: true })
  await writeFile(join(directory, 'index.html'), INDEX)
  await writeFile(join(directory, 'bundles', '1', 'app.js'), APP)
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) }
}
