import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A wire to a TCP port of this machine that can be made to carry one kilobyte a second towards whoever dialled it. */
export class SlowWire implements AsyncDisposable {
  readonly port: number
  /** Bytes carried to the dialler since the wire was made slow. */
  carried = 0
  readonly #sockets = new Set<Socket>()
  readonly #stop: () => void
  #slow = false

  private constructor(port: number, sockets: Set<Socket>, stop: () => void) {
    this.port = port
    this.#sockets = sockets
    this.#stop = stop
  }

  static async to(targetPort: number): Promise<SlowWire> {
    const sockets = new Set<Socket>()
    const server = createServer((near) => {
      const far = connect(targetPort, '127.0.0.1')
      for (const [socket, other] of [[near, far] as const, [far, near] as const]) {
        sockets.add(socket)
        socket.on('error', () => other.destroy())
        socket.on('close', () => other.destroy())
      }
      near.pipe(far)
      void wire.#carry(far, near)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const wire = new SlowWire((server.address() as AddressInfo).port, sockets, () => server.close())
    return wire
  }

  slowDown(): void {
    this.#slow = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Reads no more than it passes on: what does not get through stays with the sender. */
  async #carry(from: Socket, to: Socket): Promise<void> {
    from.on('readable', () => undefined)
    while (!from.destroyed) {
      const waiting = Math.min(from.readableLength, this.#slow ? 100 : from.readableLength)
      const chunk = waiting > 0 ? (from.read(waiting) as Buffer | null) : null
      if (chunk) to.write(chunk)
      if (chunk && this.#slow) this.carried += chunk.length
      if (chunk && !this.#slow) continue
      await new Promise((resolve) => setTimeout(resolve, this.#slow ? 100 : 2))
    }
  }
}
