import { open } from 'node:fs/promises'

/** Formats that thumbnails are made of. No SVG, PDF or camera formats: their decoders do too much. */
export type ImageFormat = 'jpeg' | 'png' | 'gif' | 'webp' | 'avif'

/** Bytes that tell a format by its signature. */
const HEADER_BYTES = 32

/** The format by the file's first bytes, whatever it calls itself; undefined for anything else. */
export async function imageFormatOf(path: string): Promise<ImageFormat | undefined> {
  await using file = await open(path, 'r')
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)
  return imageFormat(buffer.subarray(0, bytesRead))
}

export function imageFormat(header: Buffer): ImageFormat | undefined {
  const text = header.toString('latin1')
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg'
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png'
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'gif'
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'webp'
  if (text.slice(4, 8) === 'ftyp' && /^(?:avif|avis)/.test(text.slice(8, 12))) return 'avif'
  return undefined
}
