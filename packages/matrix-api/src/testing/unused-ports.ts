import type { Ephemeral, Outbound, RemoteServers, RoomReader, Rooms, UserSearch } from '../ports.ts'
import { RoomErrorLike } from './room-error-like.ts'

/** A port of which only some methods are there; calling another fails the test with its name. */
export function partialPort<Port extends object>(methods: Partial<Port>): Port {
  return new Proxy(methods as Port, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown
      if (value !== undefined || typeof name === 'symbol' || name === 'then') return value
      return () => {
        throw new Error(`the test has no ${name}`)
      }
    },
  })
}

/** A node that is in no room and knows nobody. */
export function emptyPorts() {
  return {
    rooms: partialPort<Rooms>({ defaultVersion: '12', versions: { '11': 'stable', '12': 'stable' } }),
    reader: partialPort<RoomReader>({ roomsOf: async () => [], sharesRoomWith: async () => new Set() }),
    ephemeral: partialPort<Ephemeral>({ presence: async () => undefined, setPresence: async () => undefined }),
    outbound: partialPort<Outbound>({
      profileChanged: async () => undefined,
      deviceListUpdate: async () => undefined,
      signingKeyUpdate: async () => undefined,
      toDevice: async () => undefined,
    }),
    remote: partialPort<RemoteServers>({
      profile: async () => {
        throw new RoomErrorLike('unreachable', 'Nobody answers')
      },
    }),
    userSearch: partialPort<UserSearch>({ search: async () => [] }),
  }
}
