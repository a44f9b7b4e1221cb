import { serverNameFromPublicKey } from '@starling/protocol'
import { nodeCrypto } from '../../crypto/sodium-crypto.ts'
import { IdentityError } from '../../identity/identity-error.ts'
import { readKeyFile } from '../../identity/key-file.ts'
import { dataDirectory } from '../../store/data-directory.ts'
import { CliError } from '../cli-error.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'

export const identity: Command = {
  name: 'identity',
  usage: 'identity show',
  help: "this node's server name and where its key lies",
  async run(config, args) {
    if (args[0] !== 'show' || args.length > 1)
      throw new CliError('usage', 'identity: the one thing it can do is "identity show"')
    const path = dataDirectory(config.dataDir).identityKey
    const seed = await readKeyFile(path, 'identity')
    if (!seed) throw new IdentityError('missing', `no identity in ${config.dataDir} yet: it is made at the first start`)
    console.log(`Server name  ${serverNameFromPublicKey(nodeCrypto.ed25519.publicKey(seed))}`)
    console.log(`Key file     ${path} (keep a copy in a safe place: without it this name is lost)`)
    return EXIT.stopped
  },
}
