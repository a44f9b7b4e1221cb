import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { eventually } from '../eventually.ts'
import { skipUnlessNamespaces } from './availability.ts'
import { Internet } from './internet.ts'
import { Lan } from './lan.ts'

const SCRIPT = new URL('./echo-script.fixture.ts', import.meta.url)

test('machines on a LAN reach each other and nothing else; a cut link and a dropped pair are cut', async (t) => {
  if (skipUnlessNamespaces(t)) return
  await using lan = await Lan.create(3)
  const scripts = lan.nodes.map(({ namespace }) => namespace.spawnNode(SCRIPT))
  const ports = await Promise.all(scripts.map((script) => script.call<number>('serve', { host: '0.0.0.0' })))
  const reaches = (from: number, to: number) =>
    scripts[from]?.call<boolean>('reaches', { host: lan.node(to).address, port: ports[to] })
  assert.equal(await reaches(0, 1), true)
  assert.equal(await scripts[0]?.call('reaches', { host: '198.51.100.1', port: 80 }), false)
  await lan.dropBetween(0, 2)
  assert.deepEqual(await Promise.all([reaches(0, 2), reaches(2, 0), reaches(0, 1), reaches(1, 2)]), [
    false,
    false,
    true,
    true,
  ])
  await lan.healBetween(0, 2)
  assert.equal(await reaches(2, 0), true)
  await lan.cutLink(1)
  assert.equal(await reaches(0, 1), false)
  await lan.healLink(1)
  await eventually('reached again', () => reaches(0, 1) ?? false)
})

test('a script inside answers calls, its failure is told, and a port of its loopback is had from outside', async (t) => {
  if (skipUnlessNamespaces(t)) return
  await using lan = await Lan.create(1)
  const script = lan.node(0).namespace.spawnNode(SCRIPT, ['argument'])
  assert.deepEqual(await script.call('arguments'), ['argument'])
  await assert.rejects(script.call('none'), /serves no "none"/)
  const inside = await script.call<number>('serve', { host: '127.0.0.1' })
  const port = await lan.node(0).namespace.forward(inside)
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'from inside')
  // The twin: without forwarding, the namespace's loopback is another one than ours.
  const own = createServer().listen(0)
  await assert.rejects(fetch(`http://127.0.0.1:${inside}/`))
  own.close()
  script.signal('SIGKILL')
  await assert.rejects(script.call('arguments'))
})

test('a home reaches the public host, nobody reaches into the home', async (t) => {
  if (skipUnlessNamespaces(t)) return
  await using internet = await Internet.create({ hosts: 1, homes: 2 })
  const [host] = internet.hosts
  const [one, other] = internet.homes
  assert.ok(host && one && other)
  const [atHost, atOne, atOther] = [host, one, other].map(({ namespace }) => namespace.spawnNode(SCRIPT))
  assert.ok(atHost && atOne && atOther)
  const everywhere = { host: '0.0.0.0' }
  const hostPort = await atHost.call<number>('serve', everywhere)
  assert.equal(await atOne.call('reaches', { host: host.address, port: hostPort }), true)
  const onePort = await atOne.call<number>('serve', everywhere)
  for (const outside of [atHost, atOther]) {
    assert.equal(await outside.call('reaches', { host: one.publicAddress, port: onePort }), false)
    assert.equal(await outside.call('reaches', { host: one.address, port: onePort }), false)
  }
})

test('nothing is left behind, not by a failed test either, and what a dead process left is swept', async (t) => {
  if (skipUnlessNamespaces(t)) return
  const left = () => execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  await assert.rejects(async () => {
    await using lan = await Lan.create(1)
    assert.match(left(), new RegExp(`${lan.node(0).namespace.name}\\b`))
    throw new Error('the test fails')
  })
  assert.doesNotMatch(left(), new RegExp(`starling-${process.pid}-`))
  // No process has this id: it is above the kernel's largest.
  execFileSync('ip', ['netns', 'add', 'starling-4999999-0-0'])
  await using _lan = await Lan.create(1)
  assert.doesNotMatch(left(), /starling-4999999/)
})
