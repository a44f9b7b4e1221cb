import type { Libp2pOptions } from 'libp2p'

/** What libp2p persists in: `datastore-level` on disk. */
export type Datastore = NonNullable<Libp2pOptions['datastore']>

export interface OpenDatastore extends AsyncDisposable {
  /** Undefined: libp2p keeps everything in memory. */
  readonly datastore: Datastore | undefined
  /** Small JSON values of the host's own, under `/starling/<name>`. Without a datastore they live as long as the process. */
  readonly notes: Notes
}

export interface Notes {
  /** Undefined where there is none or what is there cannot be read: every note can be made anew. */
  read(name: string): Promise<unknown>
  write(name: string, value: unknown): Promise<void>
}

/** Opens (or makes) the datastore in `directory`; without one, memory. */
export async function openDatastore(directory: string | undefined): Promise<OpenDatastore> {
  if (directory === undefined) return { datastore: undefined, notes: memoryNotes(), async [Symbol.asyncDispose]() {} }
  const { LevelDatastore } = await import('datastore-level')
  const level = new LevelDatastore(directory)
  await level.open()
  // libp2p reads what it knows of a peer whenever a stream to or from it opens: by way of the thread pool that costs more than the rest
  // of it (decision 0007).
  const elsewhere = level.get.bind(level)
  level.get = async (key, options) => level.db.getSync(key.toString()) ?? elsewhere(key, options)
  const keyOf = (name: string) => `/starling/${name}`
  return {
    datastore: level,
    notes: {
      async read(name) {
        const bytes = await level.db.get(keyOf(name))
        return bytes === undefined ? undefined : parse(bytes)
      },
      async write(name, value) {
        await level.db.put(keyOf(name), new TextEncoder().encode(JSON.stringify(value)))
      },
    },
    async [Symbol.asyncDispose]() {
      await level.close()
    },
  }
}

function memoryNotes(): Notes {
  const values = new Map<string, unknown>()
  return {
    read: async (name) => values.get(name),
    async write(name, value) {
      values.set(name, value)
    },
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
