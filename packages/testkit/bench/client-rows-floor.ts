/**
 * The floor of media: a bare express handler that streams a body into a file, makes it durable, and streams it out again. No token, no
 * hash, no name.
 */
import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import express from 'express'

const directory = mkdtempSync(join(tmpdir(), 'starling-floor-'))
let next = 0

const app = express()
app.post('/upload', async (request, response) => {
  const name = `${next++}`
  await pipeline(request, createWriteStream(join(directory, name), { flush: true }))
  response.json({ content_uri: name })
})
app.get('/download/:name', async (request, response) => {
  response.setHeader('content-type', 'application/octet-stream')
  const path = join(directory, request.params.name)
  await pipeline(createReadStream(path), response)
  // Read once only, and this process ends by SIGKILL.
  await rm(path)
})

// As long as the node's, so that the bench finds its connection open after the node's turn.
const server = createServer({ keepAliveTimeout: 75_000 }, app).listen(0, '127.0.0.1')
await once(server, 'listening')
process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`)
