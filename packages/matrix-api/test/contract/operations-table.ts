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
    '',
  ].join('\n')
}

function statusOf(notOffered: string | undefined, note: string | undefined): string {
  if (notOffered !== undefined) return `not offered: ${notOffered}`
  return note === undefined ? 'complete' : `complete: ${note}`
}
