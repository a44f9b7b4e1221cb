import { readFile } from 'node:fs/promises'

/** How subcommands reach the running node: who can read the data directory may command the node. */
export interface ControlFile {
  readonly pid: number
  readonly url: string
  /** Bearer token of the control routes, new at each start. */
  readonly token: string
}

/** @returns undefined where no node has left one. */
export async function readControlFile(path: string): Promise<ControlFile | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return JSON.parse(text) as ControlFile
}
