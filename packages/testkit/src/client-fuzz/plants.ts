import type { RequestListener, ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import type { Logger } from '@starling/protocol'

/** Puts a defect in; `first`: where it begins to count, so that several do not meet at one request. */
type Planting = (listener: RequestListener, logger: Logger, first: number) => RequestListener

/** Defects put into the server on purpose. Each has to be found, or the fuzzer proves nothing. */
export const PLANTS = {
  /** A handler that throws where nobody listens. */
  throw: onEvery(() =>
    setImmediate(() => {
      throw new Error('planted throw')
    }),
  ),
  /** A promise that nobody awaits. */
  reject: onEvery(() => void Promise.reject(new Error('planted reject'))),
  /** A bug in a handler, as the shell answers it. */
  bug: onEvery((response) => answer(response, 500, '{"errcode":"M_UNKNOWN","error":"planted"}')),
  /** An error that pages cannot read. */
  mute: onEvery((response) => {
    response.removeHeader('access-control-allow-origin')
    answer(response, 400, '{"errcode":"M_UNKNOWN","error":"planted"}', false)
  }),
  /** An error that is none of Matrix. */
  html: onEvery((response) => {
    response.setHeader('content-type', 'text/html')
    answer(response, 404, '<pre>Cannot GET /</pre>')
  }),
  /** A header that came out of a request. */
  split: onEvery((response) => {
    response.socket?.end('HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\nContent-Length: 2\r\n\r\n{}')
    return true
  }),
  /** A request that nobody answers. */
  forget: onEvery(() => true),
  /** A handler that computes for too long. */
  block: onEvery(() => burn(600)),
  /** A port that stays open. */
  hold: onEvery(() => void createServer().listen(0, '127.0.0.1')),
  /** A connection that is never let go. */
  keep: onEvery((response) => {
    const { socket } = response
    if (socket) socket.destroy = () => socket
    return false
  }),
  /** The end of the thread. */
  exit: onEvery(() => process.exit(3)),
  /** A log that tells too much. */
  chatter: (listener: RequestListener, logger: Logger): RequestListener => {
    return (request, response) => {
      logger.debug({ headers: request.headers }, 'planted')
      listener(request, response)
    }
  },
  /** After a while nobody is let in any more. */
  deaf: (listener: RequestListener): RequestListener => {
    let count = 0
    return (request, response) => {
      count += 1
      if (count > 80) answer(response, 403, '{"errcode":"M_FORBIDDEN","error":"planted"}')
      else listener(request, response)
    }
  },
} satisfies Record<string, Planting>

export type Plant = keyof typeof PLANTS

const EVERY = 40

/** Puts several in. */
export function withPlants(plants: readonly Plant[], listener: RequestListener, logger: Logger): RequestListener {
  return plants.reduce((inner, plant, index) => PLANTS[plant](inner, logger, index * 3), listener)
}

/** `defect` answers true where it has dealt with the request. */
function onEvery(defect: (response: ServerResponse) => unknown): Planting {
  return (listener, _logger, first) => {
    let count = first
    return (request, response) => {
      count += 1
      if (count % EVERY === 0 && defect(response) === true) return
      listener(request, response)
    }
  }
}

function answer(response: ServerResponse, status: number, body: string, cors = true): true {
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'application/json')
  if (cors) response.setHeader('access-control-allow-origin', '*')
  response.writeHead(status, { connection: 'close' }).end(body)
  return true
}

function burn(ms: number): undefined {
  const start = process.threadCpuUsage()
  for (;;) {
    const now = process.threadCpuUsage(start)
    if ((now.user + now.system) / 1000 > ms) return
  }
}
