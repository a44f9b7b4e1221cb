import { rename, writeFile } from 'node:fs/promises'

/** Writes JSON so that a reader sees the whole of it or the file before it. Mode 0600. */
export async function writeJsonFile(path: string, value: object): Promise<void> {
  const temporary = `${path}.${process.pid}.new`
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  await rename(temporary, path)
}
