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
/** Query and path parameters are text on the wire: made what their schema says before they are checked. */
const parameterAjv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true, coerceTypes: true })

/** One operation of the spec: `path` begins at the host, without the space that tells two forms of one path apart. */
export interface SpecOperation {
  readonly operationId: string
  readonly method: string
  readonly path: string
  /** Whether it is refused without an access token. */
  readonly needsToken: boolean
  readonly parameters: readonly Parameter[]
  /** By content type. */
  readonly requestBody: { readonly required: boolean; readonly content: Yaml } | undefined
  readonly responses: Yaml
  readonly file: string
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly schema: Yaml
}

/** What a client sends, before it is encoded. */
export interface SpecRequest {
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: unknown
}

let operations: Map<string, SpecOperation> | undefined

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
  const found = specOperation(operation)
  if (isTokenRefusal(answer)) {
    assertStandardError(operation, answer.body)
    return
  }
  const validate = validatorFor(operation, found, answer.status)
  if (!validate) {
    assert.ok(answer.status >= 400, `${operation}: the spec has no ${answer.status} answer`)
    // Any operation may ask for interactive authentication; not all of them say so.
    if (answer.status !== 401 || !isAuthenticationOffer(answer.body)) assertStandardError(operation, answer.body)
    return
  }
  assertFits(validate, answer.body, `${operation} ${answer.status}`)
}

/** By `operationId`, or by method and path. Fails where the spec has none. */
export function specOperation(operation: string): SpecOperation {
  operations ??= readOperations()
  const found = operations.get(operation)
  assert.ok(found, `the spec has no operation ${operation}`)
  return found
}

/** Fails unless a request is one that the spec's OpenAPI allows: parameters known, required ones there, all of their type, and the JSON body. */
export function expectRequestMatchesSpec(operation: string, request: SpecRequest): void {
  if (!specIsThere) return
  const { parameters, requestBody, file } = specOperation(operation)
  const given = { path: request.path ?? {}, query: request.query ?? {} }
  const known = new Set(parameters.map((parameter) => `${parameter.in} ${parameter.name}`))
  for (const place of ['path', 'query'] as const) {
    for (const name of Object.keys(given[place]))
      assert.ok(known.has(`${place} ${name}`), `${operation}: no ${place} ${name}`)
  }
  for (const { in: place, name, required, schema } of parameters) {
    if (place === 'header') continue
    const value = given[place][name]
    if (value === undefined) assert.ok(!required, `${operation}: ${place} ${name} is missing`)
    else assertFits(parameterAjv.compile({ properties: { value: schema } }), { value }, `${operation} ${place} ${name}`)
  }
  const json = (requestBody?.content['application/json'] as { schema?: unknown } | undefined)?.schema
  if (request.body === undefined) assert.ok(!json || !requestBody?.required, `${operation}: the body is missing`)
  if (json === undefined || request.body === undefined) return
  const key = `${operation} request`
  const validate = validators.get(key) ?? ajv.compile(inline(json, file, []) as Yaml)
  validators.set(key, validate)
  assertFits(validate, request.body, key)
}

function assertFits(validate: ValidateFunction, value: unknown, what: string): void {
  const problems = validate(value) ? [] : (validate.errors ?? [])
  const text = problems.map((problem) => `${problem.instancePath} ${problem.message}`).join('; ')
  assert.ok(problems.length === 0, `${what}: ${text}\n${JSON.stringify(value)}`)
}

/** Said of every operation at once: "Using access tokens". */
function isTokenRefusal({ status, body }: { readonly status: number; readonly body: unknown }): boolean {
  const { errcode } = (body ?? {}) as { errcode?: unknown }
  return status === 401 && (errcode === 'M_MISSING_TOKEN' || errcode === 'M_UNKNOWN_TOKEN')
}

/** "User-interactive API in the REST API". */
function isAuthenticationOffer(body: unknown): boolean {
  const { flows, session } = (body ?? {}) as { flows?: unknown; session?: unknown }
  return Array.isArray(flows) && typeof session === 'string'
}

function assertStandardError(operation: string, body: unknown): void {
  const error = body as { errcode?: unknown; error?: unknown }
  assert.equal(typeof error?.errcode, 'string', `${operation}: not a standard error: ${JSON.stringify(body)}`)
  assert.equal(typeof error?.error, 'string', `${operation}: not a standard error: ${JSON.stringify(body)}`)
}

function validatorFor(
  operation: string,
  { responses, file }: SpecOperation,
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

function readOperations(): Map<string, SpecOperation> {
  const found = new Map<string, SpecOperation>()
  for (const name of globSync('*.yaml', { cwd: SPEC_DIR })) {
    const file = join(SPEC_DIR, name)
    const base = basePath(file)
    for (const [path, methods] of Object.entries((load(file).paths ?? {}) as Record<string, Yaml>)) {
      for (const [method, operation] of Object.entries(methods as Record<string, Yaml>)) {
        if (typeof operation?.operationId !== 'string') continue
        const entry = readOperation(operation, method.toUpperCase(), base + path, file)
        found.set(operation.operationId, entry)
        found.set(`${method.toUpperCase()} ${path}`, entry)
      }
    }
  }
  return found
}

function readOperation(operation: Yaml, method: string, path: string, file: string): SpecOperation {
  const security = (operation.security ?? []) as readonly Yaml[]
  return {
    operationId: operation.operationId as string,
    method,
    path: path.trim(),
    needsToken: security.length > 0 && security.every((one) => 'accessTokenBearer' in one),
    // A `$ref` with something beside it becomes two schemas that both hold.
    parameters: (inline(operation.parameters ?? [], file, []) as readonly (Parameter & { allOf?: Parameter[] })[]).map(
      (parameter) => Object.assign({}, ...(parameter.allOf ?? []), parameter) as Parameter,
    ),
    requestBody: bodyOf(operation, file) as SpecOperation['requestBody'],
    responses: operation.responses as Yaml,
    file,
  }
}

function bodyOf({ requestBody }: Yaml, file: string): unknown {
  return typeof requestBody === 'object' && requestBody !== null && '$ref' in requestBody
    ? inline(requestBody, file, [])
    : requestBody
}

function basePath(file: string): string {
  const [server] = load(file).servers as { variables?: { basePath?: { default?: string } } }[]
  return server?.variables?.basePath?.default ?? ''
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
      // The spec writes `oneOf` of forms that overlap, where unknown keys are allowed: at least one has to fit.
      .map(([key, value]) => [key === 'oneOf' ? 'anyOf' : key, inline(value, file, trail)]),
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
    const file = join(SPEC_DIR, name)
    return Object.entries((load(file).paths ?? {}) as Record<string, Yaml>).flatMap(([path, methods]) =>
      Object.entries(methods as Record<string, Yaml>)
        .filter(([, operation]) => typeof operation?.operationId === 'string')
        .map(([method]) => `${method.toUpperCase()} ${basePath(file)}${path}`),
    )
  })
}
