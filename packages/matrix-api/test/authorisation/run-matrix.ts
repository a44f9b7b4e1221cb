import type { ContractWorld } from '../contract/contract-world.ts'
import { fillPath } from '../contract/run-operation.ts'
import { SECTIONS } from '../contract/sections/index.ts'
import { type Cell, COLUMNS, type Column, type Row } from './matrix.ts'
import { MARKER, type Stage, setStage } from './stage.ts'

export interface MatrixOutcome {
  cells: number
  /** Cells that were answered otherwise than they should be. */
  readonly wrong: string[]
  /** Cells whose answer held what was not for them. */
  readonly leaks: string[]
}

const IS = new Map(
  SECTIONS.flatMap(({ operations }) => operations).map(({ id, is }) => [id, is.split(' ') as [string, string]]),
)

/** Asks every cell of these rows. */
export async function runMatrix(world: ContractWorld, rows: readonly Row[]): Promise<MatrixOutcome> {
  const outcome: MatrixOutcome = { cells: 0, wrong: [], leaks: [] }
  const shared = await setStage(world)
  for (const row of rows) {
    const stage = row.changes ? await setStage(world) : shared
    for (const [index, column] of COLUMNS.entries()) {
      const cell = row.cells[index]
      if (cell === undefined) continue
      outcome.cells += 1
      await checkCell({ world, stage, outcome }, row, column, cell)
    }
  }
  return outcome
}

/** What `told` cells may hold: how a room presents itself to whom it invites, and a file to whoever knows its address. */
const TOLD = ['name', 'topic', 'file'].map((what) => `${MARKER} ${what}`)

interface Place {
  readonly world: ContractWorld
  readonly stage: Stage
  readonly outcome: MatrixOutcome
}

async function checkCell({ world, stage, outcome }: Place, row: Row, column: Column, cell: Cell): Promise<void> {
  const { status, errcode, text } = await ask(world, stage, row, column)
  const [wanted = '', detail = ''] = cell.split(' ')
  const name = `${row.id}, ${column}`
  const fits = `${status}` === wanted && (detail === 'told' || detail === (errcode ?? ''))
  if (!fits) outcome.wrong.push(`${name}: ${cell} wanted, ${status} ${errcode ?? ''} answered: ${text.slice(0, 200)}`)
  const untold = detail === 'told' ? TOLD.reduce((rest, told) => rest.replaceAll(told, ''), text) : text
  if (untold.includes(MARKER)) outcome.leaks.push(`${name}: ${text.slice(0, 300)}`)
}

async function ask(world: ContractWorld, stage: Stage, row: Row, column: Column) {
  const [method, path] = IS.get(row.id) ?? ['', '']
  const request = row.request(stage, column)
  const values = {
    ...pathValues(world, stage),
    ...request.path,
    ...(column === 'other room' && { roomId: stage.otherRoom }),
  }
  const token = tokenOf(stage, column)
  const body = request.raw ?? (request.body as object | undefined)
  const answer = await world.api.request(method, fillPath(path, values), {
    ...(token !== undefined && { as: token }),
    ...(request.query && { query: request.query }),
    ...(body !== undefined && { body }),
  })
  const headers = JSON.stringify([...answer.headers])
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
  const errcode = typeof answer.body === 'object' ? (answer.body?.errcode as string | undefined) : undefined
  return { status: answer.status, errcode, text: text + (headers.includes(MARKER) ? headers : '') }
}

function tokenOf(stage: Stage, column: Column): string | undefined {
  const askers = {
    'no token': undefined,
    'wrong token': 'syt_never_issued',
    'other user': stage.stranger.token,
    left: stage.left.token,
    banned: stage.banned.token,
    invited: stage.invited.token,
    'other room': stage.elsewhere.token,
  } satisfies Record<Column, string | undefined>
  return askers[column]
}

/** What stands in a path: alice's. */
function pathValues(world: ContractWorld, stage: Stage): Record<string, string> {
  return {
    roomId: stage.room,
    roomIdOrAlias: stage.room,
    roomAlias: stage.alias,
    eventId: stage.event,
    userId: stage.alice.userId,
    deviceId: stage.alice.deviceId,
    filterId: stage.filter,
    version: stage.backup,
    sessionId: 'session',
    ...stage.media,
    fileName: 'file.txt',
    type: 'org.example.data',
    tag: 'u.work',
    keyName: 'displayname',
    txnId: world.id('txn'),
    receiptType: 'm.read',
    relType: 'm.thread',
    eventType: 'm.room.message',
    protocol: 'irc',
    idpId: 'this-device',
    appserviceId: 'irc',
    networkId: 'irc',
  }
}
