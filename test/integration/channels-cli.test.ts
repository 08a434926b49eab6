/** `nightshift channels`, as processes against the product. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';
import { type Program, startProgram } from '../support/channel/index.ts';
import { envFor, runCli } from '../support/cli.ts';

let host: Product;
let product: Product;
let program: Program;

beforeAll(async () => {
  [host, program] = await Promise.all([startProduct(), startProgram()]);
  await host.startWorker();
});
beforeEach(async () => {
  // A team of its own for each test.
  product = { ...host, ...(await host.addTeam(`channels ${randomUUID()}`)) };
  await createAgent(product.owner, { name: 'assistant', model: 'demo/guide' });
});
afterAll(() => Promise.all([host.close(), program.close()]));

const nightshift = (args: string[], stdin = '') =>
  runCli(['channels', ...args], { stdin, env: envFor(product.url, product.owner.key!) });

it('adds, tests, pairs, shows and removes a channel', async () => {
  expect((await nightshift(['list'])).stdout).toContain('There is no channel yet');
  expect((await nightshift(['add'])).stdout).toMatch(/webhook +url, \[secret\]/);
  const wrong = await nightshift(['add', 'webhook', '--set', 'uri=https://a.example']);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('needs url') });

  const url = program.receiver.url;
  const secret = `secret=${program.channel.credentials.secret}`;
  const added = await nightshift(
    ['add', 'webhook', '--name', 'Shop', '--set', `url=${url}`, '--secrets-stdin'],
    secret,
  );
  expect(added).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('nightshift channels test "Shop"'),
  });
  expect(added.stdout).toContain('/v1/hooks/');
  expect(added.stdout + added.stderr).not.toContain(program.channel.credentials.secret);
  expect(await nightshift(['test', 'Shop'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('works as'),
  });

  const { data } = (await product.owner.get('/v1/channels')).body;
  await product.owner.patch(`/v1/channels/${data[0].id}`, { access: { strangers: 'pair' } });
  const hookUrl = product.url + new URL(data[0].webhookUrl).pathname;
  const before = program.shown().length;
  await program.say(hookUrl, 'Hello');
  await expect.poll(() => program.shown().length).toBe(before + 1);
  const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(program.shown().at(-1)!.text)![0];
  expect((await nightshift(['people', 'Shop', '--status', 'pending'])).stdout).toContain('Ann');
  expect((await nightshift(['pair', 'shop', code])).stdout).toContain('Ann is approved in Shop');
  expect((await nightshift(['people', 'Shop', '--block', 'Ann'])).stdout).toBe('Ann is blocked in Shop.\n');
  expect((await nightshift(['traffic', 'Shop'])).stdout).toMatch(/in +message +pairing +Ann/);
  expect((await nightshift(['traffic', 'Shop', '--errors'])).stdout).toBe('Nothing went wrong.\n');

  const move = ['update', 'Shop', '--set', `url=${url}/new`];
  expect(await nightshift(move)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('credentials.secret'),
  });
  expect((await nightshift([...move, '--secrets-stdin'], secret)).stdout).toBe('Shop is changed.\n');
  expect((await nightshift([...move, '--unset', 'secret'])).stdout).toMatch(
    /^Shop is changed.\nsecret=whsec_/,
  );

  expect((await nightshift(['pause', 'Shop'])).stdout).toContain('is paused');
  const shown = JSON.parse((await nightshift(['show', 'Shop', '--json'])).stdout);
  expect(shown).toMatchObject({ name: 'Shop', status: 'paused', credentials: { secret: { set: true } } });
  expect((await nightshift(['resume', 'Shop'])).stdout).toContain('is active');
  expect((await nightshift(['show', 'Shop'])).stdout).toMatch(/address +http/);
  expect((await nightshift(['remove', 'Shop'])).stdout).toBe('Shop is removed.\n');
  expect((await nightshift(['show', 'Shop'])).code).toBe(1);
});

it('changes everything that REST changes, and only what is named', async () => {
  const url = program.receiver.url;
  const secretFile = `${mkdtempSync(join(tmpdir(), 'channels-cli-'))}/secret`;
  const { secret } = program.channel.credentials;
  writeFileSync(secretFile, `${secret}\n`);
  const add = ['add', 'webhook', '--name', 'Desk', '--set', `url=${url}`];
  const refused = await nightshift([...add, `secret=${secret}`]);
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--secret-from-file secret=<path>'),
  });
  expect(refused.stdout + refused.stderr).not.toContain(secret);
  expect(await nightshift(['add', 'webhook', '--set', 'url=ftp://x'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('begins with http:// or https://'),
  });
  const options = [
    '--set',
    'access.strangers=ignore',
    'live=true',
    '--secret-from-file',
    `secret=${secretFile}`,
  ];
  expect(await nightshift([...add, ...options])).toMatchObject({
    code: 0,
    stdout: expect.not.stringContaining('secret='),
  });
  const support = await createAgent(product.owner, { name: 'support', model: 'demo/guide' });
  const read = async () => JSON.parse((await nightshift(['show', 'Desk', '--json'])).stdout);
  const before = await read();
  expect(before).toMatchObject({ live: true, access: { strangers: 'ignore', people: [] } });

  const changes = [
    '--agent',
    'support',
    '--set',
    'access.people=ann,ben',
    'access.groups.answer=always',
    'guestTools=notes.read',
  ];
  const route = ['--route', 'group=lobby,keyword=shop,agent=support', 'command=help,agent=support'];
  expect(await nightshift(['update', 'Desk', ...changes, ...route])).toMatchObject({ code: 0 });
  const after = await read();
  expect(after).toEqual({
    ...before,
    agentId: support,
    agent: { id: support, name: 'support' },
    guestTools: ['notes.read'],
    access: { ...before.access, people: ['ann', 'ben'], groups: { answer: 'always', open: [] } },
    routes: [
      { when: { group: 'lobby', keyword: 'shop' }, agentId: support },
      { when: { command: 'help' }, agentId: support },
    ],
    updatedAt: expect.any(String),
  });
  const routes = JSON.stringify([{ when: { person: 'ann' }, agentId: support }]);
  expect(await nightshift(['update', 'Desk', '--routes-file', '-'], routes)).toMatchObject({ code: 0 });
  expect((await read()).routes).toEqual(JSON.parse(routes));
  const back = [
    '--unset',
    'access.people',
    'access.groups.answer',
    'guestTools',
    'routes',
    '--name',
    'Office',
  ];
  expect(await nightshift(['update', 'Desk', ...back])).toMatchObject({
    code: 0,
    stdout: 'Office is changed.\n',
  });
  expect(JSON.parse((await nightshift(['show', 'Office', '--json'])).stdout)).toEqual({
    ...before,
    name: 'Office',
    agentId: support,
    agent: { id: support, name: 'support' },
    updatedAt: expect.any(String),
  });
  for (const [wrong, message] of [
    [[], 'Name something to change'],
    [['--set', 'uri=x'], 'no field uri'],
    [['--unset', 'access.stranger'], 'no field access.stranger'],
    [['--route', 'group=lobby'], 'is no route'],
    [['--set', `secret=${secret}`], 'is a secret'],
  ] as const)
    expect(await nightshift(['update', 'Office', ...wrong])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(message),
    });
  expect((await nightshift(['remove', 'Office'])).code).toBe(0);
});
