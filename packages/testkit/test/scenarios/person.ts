import { SdkClient, type StarlingProcess } from '@starling/testkit'

/** Somebody with a node and a client on it. `prefix` is what runs a command where their node is. */
export interface Person {
  readonly node: StarlingProcess
  readonly client: SdkClient
  readonly prefix: readonly string[]
}

export async function personOn(node: StarlingProcess, prefix: readonly string[] = []): Promise<Person> {
  return { node, client: await SdkClient.start(node.ownerSession(), prefix), prefix }
}

/** A second device of the same person, with keys of its own. */
export function secondDevice(person: Person): Promise<SdkClient> {
  return SdkClient.start(person.node.ownerSession(), person.prefix)
}
