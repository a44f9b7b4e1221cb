/**
 * @packageDocumentation
 * The Matrix Client-Server API on express. Knows no libp2p and no DAG: it declares what it needs in `ports.ts`.
 *
 * ```ts
 * const api = createMatrixApi(ports, { serverName, mediaDirectory, allowedHosts: LOOPBACK_HOSTS })
 * const owner = await api.accounts.ensureOwner('p2p')
 * await api.start()
 * const server = createServer(serverOptions, api.app)
 * tuneServer(server)
 * server.listen(8008, '127.0.0.1')
 * ```
 */
export type { Accounts } from './accounts/accounts.ts'
export type { Registration } from './accounts/deps.ts'
export type { RequestRecord } from './http/app.ts'
export { hostIsAllowed, LOOPBACK_HOSTS } from './http/host-check.ts'
export { MatrixError } from './http/matrix-error.ts'
export { serverOptions, tuneServer } from './http/server-options.ts'
export { createMatrixApi, type LocalUsers, type MatrixApi, type RoomsForServers } from './matrix-api.ts'
export type { MatrixApiOptions, MatrixApiPorts } from './matrix-api-options.ts'
export type * from './ports.ts'
export type { TurnSettings, VoipSettings } from './voip/voip-settings.ts'
