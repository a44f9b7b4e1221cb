import { SECTIONS } from './sections/index.ts'

/** Where it is kept. */
export const OPERATIONS_FILE = new URL('../../../../docs/OPERATIONS.md', import.meta.url)

const INTRODUCTION = `# Operations of the Client-Server API

What this node makes of each operation of the Client-Server API v1.19: complete, or not offered and why. What is not
offered answers the spec's own error, never a success that is none. Two operations stand in two rows, as the spec has
them in two forms.

Every row is a scenario of \`packages/matrix-api/test/contract/sections\`, which drives a success and a failure of it
against the spec's OpenAPI. This file is written from that table by
\`node packages/matrix-api/test/contract/write-operations.ts\`; a test fails where the two differ.
`

const BEYOND = `
## Beyond the specification

What clients call that v1.19 does not have, on the unstable paths that they use:

| what | request |
|---|---|
| Simplified sliding sync with all its extensions (MSC4186) | \`POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync\` |
| Dehydrated devices (MSC3814) | \`GET\`, \`PUT\`, \`DELETE /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device\`, \`POST …/{deviceId}/events\` |
| MatrixRTC transports (MSC4143), 404 where none is configured | \`GET /_matrix/client/unstable/org.matrix.msc4143/rtc/transports\` |

Every \`/v3\` path answers under \`/r0\` as well, and operations that began as proposals answer under the names they had then.
`

/** docs/OPERATIONS.md as it has to be. */
export function operationsTable(): string {
  const rows = SECTIONS.flatMap(({ title, operations }) =>
    operations.map(({ id, is, notOffered, note }) => [title, id, is, statusOf(notOffered, note)]),
  )
  const offered = SECTIONS.flatMap(({ operations }) => operations).filter((one) => one.notOffered === undefined)
  const count = (list: readonly { readonly is: string }[]) => new Set(list.map(({ is }) => is)).size
  const all = count(SECTIONS.flatMap(({ operations }) => operations))
  return [
    INTRODUCTION,
    `Operations: ${all}, of which ${count(offered)} are complete.\n`,
    '| section | operation | request | here |\n|---|---|---|---|',
    ...rows.map(([title, id, is, status]) => `| ${title} | \`${id}\` | \`${is}\` | ${status} |`),
    BEYOND,
  ].join('\n')
}

function statusOf(notOffered: string | undefined, note: string | undefined): string {
  if (notOffered !== undefined) return `not offered: ${notOffered}`
  return note === undefined ? 'complete' : `complete: ${note}`
}
