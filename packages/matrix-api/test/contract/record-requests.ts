/**
 * `node packages/matrix-api/test/contract/record-requests.ts`: writes the requests of all scenarios to where the client
 * fuzzer reads them, one JSON object on each line, with placeholders for what differs from run to run. Run it again when a
 * scenario brings a request of a new shape. Needs the spec's data (`MATRIX_SPEC_DIR`); what it writes needs nothing.
 */
import { writeFileSync } from 'node:fs'
import { specOperation } from '../../src/testing/openapi.ts'
import { startContractWorld } from './contract-world.ts'
import type { OperationRequest } from './operation.ts'
import { runOperation } from './run-operation.ts'
import { SECTIONS } from './sections/index.ts'

const FILE = new URL('../../../testkit/src/client-fuzz/recorded-requests.jsonl', import.meta.url)

/** Bodies beyond this are there to be too large. */
const MAX_CHARS = 4_000

const found = new Map<string, string>()
for (const { operations } of SECTIONS) {
  await using world = await startContractWorld()
  world.recorded = (id: string, request: OperationRequest) => {
    // The fuzzer leaves tokens out by itself.
    if (specOperation(id).needsToken && request.as === undefined) return
    const line = JSON.stringify(asRecord(id, request))
    const shape = line.replaceAll(/\d+/g, '0')
    if (line.length < MAX_CHARS && !found.has(shape)) found.set(shape, line)
  }
  for (const operation of operations) await runOperation(world, operation)
}
writeFileSync(FILE, `${[...found.values()].join('\n')}\n`)

function asRecord(id: string, request: OperationRequest): object {
  const { method, path, parameters } = specOperation(id)
  const names = parameters.filter((one) => one.in === 'query').map(({ name }) => name)
  const kept = {
    ...{ id, method, path },
    ...(names.length > 0 && { names }),
    ...(request.as !== undefined && { token: true }),
    ...(hasKeys(request.path) && { params: request.path }),
    ...(hasKeys(request.query) && { query: request.query }),
    ...(request.body !== undefined && { body: request.body }),
    ...(typeof request.raw === 'string' && { text: request.raw }),
    ...(request.raw instanceof Uint8Array && { base64: Buffer.from(request.raw).toString('base64') }),
  }
  return JSON.parse(withPlaceholders(JSON.stringify(kept)))
}

function hasKeys(value: object | undefined): boolean {
  return value !== undefined && Object.keys(value).length > 0
}

function withPlaceholders(text: string): string {
  return text
    .replaceAll('elsewhere.test', '{elsewhere}')
    .replaceAll(/site\.example:\d+/g, '{site}')
    .replaceAll(/lan\.example:\d+/g, 'lan.example:8009')
    .replaceAll(/![\w-]{43}|![\w-]+:here\.test/g, '{room}')
    .replaceAll(/\$[\w-]{43}/g, '{event}')
    .replaceAll(/@(?!nobody)[\w.-]+:here\.test/g, '{user}')
    .replaceAll(/#([\w.-]+):here\.test/g, '{alias}')
    .replaceAll(/\b[A-Z]{10}\b/g, '{device}')
    .replaceAll(/"mediaId":"[^"]*"/g, '"mediaId":"{media}"')
    .replaceAll(/"serverName":"[^"]*"/g, '"serverName":"{server}"')
    .replaceAll(/"version":"\d+"/g, '"version":"{backup}"')
    .replaceAll(/"filterId":"[^"]*"/g, '"filterId":"{filter}"')
    .replaceAll(/"(since|from)":"[st]\d[^"]*"/g, '"$1":"{position}"')
    .replaceAll(/"session":"[\w-]{24}"/g, '"session":"{session}"')
    .replaceAll('here.test', '{server}')
}
