import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'
import { PRIVATE_FLAGS } from '@starling/testkit'

/** A node that only the bench meets, and that holds nothing back. */
export const BENCH_FLAGS: readonly string[] = [
  ...PRIVATE_FLAGS,
  ...['--p2p-listen', '/ip4/127.0.0.1/tcp/0'],
  ...['--mdns', 'off'],
  ...['--rate-limits', 'off'],
  ...['--log-level', 'warn'],
]

/** Kernel clock ticks per second, the unit of CPU time in /proc. */
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

export const keepAlive = new Agent({ keepAlive: true, maxSockets: 64 })

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** One JSON request over kept-alive connections, with as little of a client as possible. */
export function call(method: string, url: string, body?: object, token?: string): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const headers = {
      ...(payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    }
    const outgoing = request(url, { method, headers, agent: keepAlive }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.once('end', () => {
        const status = incoming.statusCode ?? 0
        const parsed = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>
        if (status === 200) resolve({ status, body: parsed })
        else reject(new Error(`${method} ${url} answered ${status}: ${JSON.stringify(parsed)}`))
      })
    })
    outgoing.once('error', reject)
    outgoing.end(payload)
  })
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))] ?? Number.NaN
}

/** CPU time of a process so far (user and system), milliseconds. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return ((Number(fields[11]) + Number(fields[12])) / TICKS) * 1000
}

/** Resident memory of a process, bytes. */
export function rss(pid: number): number {
  return memoryOf(pid, 'VmRSS')
}

/** The part of it that is the process's own; the rest is files of the database and the program that are mapped, and go when others need room. */
export function ownMemory(pid: number): number {
  return memoryOf(pid, 'RssAnon')
}

function memoryOf(pid: number, field: 'VmRSS' | 'RssAnon'): number {
  const kilobytes = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

/** Resolves once none of these processes has used more than a tenth of a core for a second, or after a minute. */
export async function quiet(...pids: readonly number[]): Promise<void> {
  const used = () => pids.reduce((sum, pid) => sum + cpuMs(pid), 0)
  for (let waited = 0; waited < 60; waited++) {
    const before = used()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    if (used() - before <= 100) return
  }
}

/** Starts a script of this bench; resolves with its first line of output, parsed. */
export async function startScript(
  path: string,
): Promise<{ readonly child: ChildProcess; readonly hello: { url: string } }> {
  const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (!child.stdout) throw new Error('spawned without a pipe')
  const lines = createInterface({ input: child.stdout })
  const line = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve)
    child.once('exit', (code) => reject(new Error(`${path} ended with ${code}`)))
  })
  return { child, hello: JSON.parse(line) as { url: string } }
}

export async function endChild(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

/** Runs `count` calls with `width` of them under way at a time. @returns calls per second. */
export async function throughput(count: number, width: number, one: (n: number) => Promise<unknown>): Promise<number> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await one(next++)
  }
  const ms = await timed(() => Promise.all(Array.from({ length: width }, worker)))
  return (count / ms) * 1000
}
