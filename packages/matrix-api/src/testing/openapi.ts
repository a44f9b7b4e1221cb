import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { parse } from 'yaml'

type Yaml = { readonly [key: string]: unknown }

/** Where the spec's `data` folder lies: `MATRIX_SPEC_DIR`, or beside the repository. */
const SPEC_DIR = resolve(
  process.env.MATRIX_SPEC_DIR ?? join(import.meta.dirname, '../../../../../shared/matrix-spec'),
  'data/api/client-server',
)

export const specIsThere = existsSync(SPEC_DIR)
if (!specIsThere) console.error('contract checks are skipped: MATRIX_SPEC_DIR names no folder with the spec data')

const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
const documents = new Map<string, Yaml>()
const validators = new Map<string, ValidateFunction>()
let operations: Map<string, { readonly responses: Yaml; readonly file: string }> | undefined

/**
 * Fails unless the answer is one that the spec's OpenAPI has for this operation: by `operationId` (`getWhoAmI`) or by
 * method and path (`GET /account/whoami`). Errors may have any 4xx or 5xx status, but must be standard errors unless the
 * spec says otherwise. Does nothing where the spec data is not there.
 */
export function expectMatchesSpec(
  operation: string,
  answer: { readonly status: number; readonly body: unknown },
): void {
  if (!specIsThere) return
  operations ??= readOperations()
  const found = operations.get(operation)
  assert.ok(found, `the spec has no operation ${operation}`)
  const validate = validatorFor(operation, found, answer.status)
  if (!validate) {
    assert.ok(answer.status >= 400, `${operation}: the spec has no ${answer.status} answer`)
    assertStandardError(operation, answer.body)
    return
  }
  const problems = validate(answer.body) ? [] : (validate.errors ?? [])
  const text = problems.map((problem) => `${problem.instancePath} ${problem.message}`).join('; ')
  assert.ok(problems.length === 0, `${operation} ${answer.status}: ${text}\n${JSON.stringify(answer.body)}`)
}

function assertStandardError(operation: string, body: unknown): void {
  const error = body as { errcode?: unknown; error?: unknown }
  assert.equal(typeof error?.errcode, 'string', `${operation}: not a standard error: ${JSON.stringify(body)}`)
  assert.equal(typeof error?.error, 'string', `${operation}: not a standard error: ${JSON.stringify(body)}`)
}

function validatorFor(
  operation: string,
  { responses, file }: { readonly responses: Yaml; readonly file: string },
  status: number,
): ValidateFunction | undefined {
  const key = `${operation} ${status}`
  const known = validators.get(key)
  if (known) return known
  const response = responses[String(status)] as { content?: { 'application/json'?: { schema?: unknown } } } | undefined
  if (!response) return undefined
  const schema = inline(response.content?.['application/json']?.schema ?? {}, file, [])
  const validate = ajv.compile(schema as Yaml)
  validators.set(key, validate)
  return validate
}

function readOperations(): Map<string, { readonly responses: Yaml; readonly file: string }> {
  const found = new Map<string, { readonly responses: Yaml; readonly file: string }>()
  for (const name of globSync('*.yaml', { cwd: SPEC_DIR })) {
    const file = join(SPEC_DIR, name)
    for (const [path, methods] of Object.entries((load(file).paths ?? {}) as Record<string, Yaml>)) {
      for (const [method, operation] of Object.entries(methods as Record<string, Yaml>)) {
        if (typeof operation?.operationId !== 'string') continue
        const entry = { responses: operation.responses as Yaml, file }
        found.set(operation.operationId, entry)
        found.set(`${method.toUpperCase()} ${path}`, entry)
      }
    }
  }
  return found
}

/** The schema with every `$ref` (to a file, or into one) put in its place; what refers to itself, or out of
 * the data that is there, is open. */
function inline(schema: unknown, file: string, trail: readonly string[]): unknown {
  if (Array.isArray(schema)) return schema.map((item) => inline(item, file, trail))
  if (typeof schema !== 'object' || schema === null) return schema
  const { $ref, ...rest } = schema as { $ref?: unknown; [key: string]: unknown }
  const plain = Object.fromEntries(
    Object.entries(rest)
      .filter(([key]) => key !== 'example' && key !== 'examples')
      .map(([key, value]) => [key, inline(value, file, trail)]),
  )
  if (typeof $ref !== 'string') return plain
  const [path = '', pointer = ''] = $ref.split('#')
  const target = path === '' ? file : resolve(dirname(file), path)
  const step = `${target}#${pointer}`
  if (trail.includes(step) || !existsSync(target)) return {}
  const referred = inline(pointed(load(target), pointer), target, [...trail, step])
  return Object.keys(plain).length === 0 ? referred : { allOf: [referred, plain] }
}

function pointed(document: unknown, pointer: string): unknown {
  let at = document
  for (const part of pointer.split('/').filter((one) => one !== '')) at = (at as Yaml)[part]
  return at
}

function load(file: string): Yaml {
  const known = documents.get(file)
  if (known) return known
  const document = parse(readFileSync(file, 'utf8')) as Yaml
  documents.set(file, document)
  return document
}

/** `METHOD /path` of all operations, with their base path. */
export function specOperations(): string[] {
  return globSync('*.yaml', { cwd: SPEC_DIR }).flatMap((name) => {
    const document = load(join(SPEC_DIR, name))
    const [server] = document.servers as { variables?: { basePath?: { default?: string } } }[]
    const base = server?.variables?.basePath?.default ?? ''
    return Object.entries((document.paths ?? {}) as Record<string, Yaml>).flatMap(([path, methods]) =>
      Object.entries(methods as Record<string, Yaml>)
        .filter(([, operation]) => typeof operation?.operationId === 'string')
        .map(([method]) => `${method.toUpperCase()} ${base}${path}`),
    )
  })
}
