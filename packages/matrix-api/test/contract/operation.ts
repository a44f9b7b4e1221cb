import type { SpecRequest } from '../../src/testing/openapi.ts'
import type { TestAnswer, TestUser } from '../../src/testing/test-api.ts'
import type { ContractWorld } from './contract-world.ts'

/** What a client asks of one operation. */
export interface OperationRequest extends SpecRequest {
  readonly as?: TestUser | string
  /** A body that is not JSON. */
  readonly raw?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** What a scenario does with its operation. Each answer is held against the OpenAPI. */
export interface Steps extends Omit<ContractWorld, 'other'> {
  /** A request that the OpenAPI allows, answered with 200 (or `status`). */
  // biome-ignore lint/suspicious/noExplicitAny: scenarios look into answers of every shape
  ok(request?: OperationRequest, status?: number): Promise<any>
  /** A request that is refused (without `errcode`: by an offer of flows to authenticate with), whether the OpenAPI allows it or not; `method`: by another method than its own. */
  fails(
    status: number,
    errcode: string | undefined,
    request?: OperationRequest,
    method?: string,
  ): Promise<TestAnswer['body']>
  /** The answer of an operation that is not JSON. */
  raw(request: OperationRequest): Promise<TestAnswer>
  /** A new account with a password. */
  member(): Promise<TestUser>
  /** The stage of interactive authentication that lets them through. */
  password(user: TestUser): { readonly type: string }
  /** A page for people instead of a redirect to it: the node is its own identity provider. */
  page(request: OperationRequest): Promise<TestAnswer>
  failsWithPage(status: number, request: OperationRequest): Promise<void>
  /** Another operation, to set up or to see what came of it. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  other(operationId: string, request: OperationRequest): Promise<any>
}

/** One operation of the Client-Server API and what proves that it is there. */
export interface Operation {
  readonly id: string
  /** `METHOD /path`, as in the spec. */
  readonly is: string
  /** Why it is answered with an error alone. */
  readonly notOffered?: string
  /** What a reader of the spec would not expect. */
  readonly note?: string
  /** Has to show a success and a failure; without a success where it is not offered. */
  run(steps: Steps): Promise<unknown>
}

/** Operations of one section of the spec. */
export interface Section {
  readonly title: string
  readonly operations: readonly Operation[]
}

export function operation(id: string, is: string, run: Operation['run'], note?: string): Operation {
  return { id, is, run, ...(note !== undefined && { note }) }
}

export function notOffered(id: string, is: string, why: string, run: Operation['run']): Operation {
  return { id, is, notOffered: why, run }
}
