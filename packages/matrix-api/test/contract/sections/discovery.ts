import { notOffered, operation, type Section } from '../operation.ts'

export const DISCOVERY: Section = {
  title: 'Server discovery',
  operations: [
    operation('getWellknown', 'GET /.well-known/matrix/client', async ({ ok, fails }) => {
      await ok()
      await fails(405, 'M_UNRECOGNIZED', {}, 'POST')
    }),
    notOffered(
      'getWellknownPolicy',
      'GET /.well-known/matrix/policy_server',
      'a node is no policy server: 404 as for a server without one',
      ({ fails }) => fails(404, 'M_NOT_FOUND'),
    ),
    notOffered(
      'getWellknownSupport',
      'GET /.well-known/matrix/support',
      'its administrator is its user: 404 as for a server without support contacts',
      ({ fails }) => fails(404, 'M_NOT_FOUND'),
    ),
    operation('getVersions', 'GET /_matrix/client/versions', async ({ ok, fails }) => {
      await ok()
      await fails(405, 'M_UNRECOGNIZED', {}, 'DELETE')
    }),
  ],
}

export const CAPABILITIES: Section = {
  title: 'Capabilities negotiation',
  operations: [operation('getCapabilities', 'GET /_matrix/client/v3/capabilities', ({ ok, bob }) => ok({ as: bob }))],
}

export const VOIP: Section = {
  title: 'Voice over IP',
  operations: [
    operation(
      'getTurnServer',
      'GET /_matrix/client/v3/voip/turnServer',
      async ({ ok, bob }) => {
        await ok({ as: bob })
      },
      'credentials of the TURN server that is configured; `{}` where none is',
    ),
  ],
}

export const OPENID: Section = {
  title: 'OpenID',
  operations: [
    operation(
      'requestOpenIdToken',
      'POST /_matrix/client/v3/user/{userId}/openid/request_token',
      async ({ ok, fails, alice, bob }) => {
        await ok({ as: bob, path: { userId: bob.userId }, body: {} })
        await fails(403, 'M_FORBIDDEN', { as: bob, path: { userId: alice.userId }, body: {} })
      },
    ),
  ],
}

const NO_BRIDGES = 'a node bridges to no other network: 404 as for an unknown protocol'

export const THIRD_PARTY_NETWORKS: Section = {
  title: 'Third-party networks',
  operations: [
    operation('getProtocols', 'GET /_matrix/client/v3/thirdparty/protocols', ({ ok, bob }) => ok({ as: bob })),
    notOffered(
      'getProtocolMetadata',
      'GET /_matrix/client/v3/thirdparty/protocol/{protocol}',
      NO_BRIDGES,
      ({ fails, bob }) => fails(404, 'M_NOT_FOUND', { as: bob, path: { protocol: 'irc' } }),
    ),
    notOffered(
      'queryLocationByProtocol',
      'GET /_matrix/client/v3/thirdparty/location/{protocol}',
      NO_BRIDGES,
      ({ fails, bob }) => fails(404, 'M_NOT_FOUND', { as: bob, path: { protocol: 'irc' } }),
    ),
    notOffered(
      'queryUserByProtocol',
      'GET /_matrix/client/v3/thirdparty/user/{protocol}',
      NO_BRIDGES,
      ({ fails, bob }) => fails(404, 'M_NOT_FOUND', { as: bob, path: { protocol: 'irc' } }),
    ),
    notOffered('queryLocationByAlias', 'GET /_matrix/client/v3/thirdparty/location', NO_BRIDGES, ({ fails, bob }) =>
      fails(404, 'M_NOT_FOUND', { as: bob, query: { alias: '#irc:here.test' } }),
    ),
    notOffered('queryUserByID', 'GET /_matrix/client/v3/thirdparty/user', NO_BRIDGES, ({ fails, alice, bob }) =>
      fails(404, 'M_NOT_FOUND', { as: bob, query: { userid: alice.userId } }),
    ),
  ],
}

const NO_APPSERVICES = 'a node takes no application services: 404 as for an unknown endpoint'

export const APPLICATION_SERVICES: Section = {
  title: 'Application services',
  operations: [
    notOffered(
      'pingAppservice',
      'POST /_matrix/client/v1/appservice/{appserviceId}/ping',
      NO_APPSERVICES,
      ({ fails, bob }) => fails(404, 'M_UNRECOGNIZED', { as: bob, path: { appserviceId: 'irc' }, body: {} }),
    ),
    notOffered(
      'updateAppserviceRoomDirectoryVisibility',
      'PUT /_matrix/client/v3/directory/list/appservice/{networkId}/{roomId}',
      NO_APPSERVICES,
      async ({ fails, bob, nobodys }) => {
        const path = { networkId: 'irc', roomId: nobodys.room }
        await fails(404, 'M_UNRECOGNIZED', { as: bob, path, body: { visibility: 'public' } })
      },
    ),
  ],
}
