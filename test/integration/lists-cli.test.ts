/** Lists, names and places of the command line, as processes against the product. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createAgent, type Product, say, startProduct } from '../support/api/index.ts';
import { connectProgram, type Program, startProgram } from '../support/channel/index.ts';
import { envFor, launcher, runCli } from '../support/cli.ts';
import { describeWith } from '../support/programs.ts';
import { openTerminal } from '../support/terminal.ts';

let host: Product;
let product: Product;
let program: Program;

beforeAll(async () => {
  [host, program] = await Promise.all([startProduct(), startProgram()]);
});
beforeEach(async () => {
  // A team of its own for each test.
  product = { ...host, ...(await host.addTeam(`lists ${randomUUID()}`)) };
});
afterAll(() => Promise.all([host.close(), program.close()]));

const nightshift = (...args: string[]) => runCli(args, { env: envFor(product.url, product.owner.key!) });

const lines = (output: string) => output.trim().split('\n').slice(1);

it('pages the agents, and says when there are more', async () => {
  for (let index = 0; index < 55; index += 1) await createAgent(product.owner);
  const page = await nightshift('agents', 'list');
  expect(lines(page.stdout)).toHaveLength(50);
  expect(page.stderr).toContain('There are more: --limit 100, or --all');
  const all = await nightshift('agents', 'list', '--all');
  expect(lines(all.stdout)).toHaveLength(55);
  expect(all.stderr).toBe('');
  expect(lines((await nightshift('agents', 'list', '--limit', '3')).stdout)).toHaveLength(3);
});

/** A shop, in which Kim has asked something. @returns its agent */
async function openShop(): Promise<string> {
  const agentId = await createAgent(product.owner, { name: 'finder' });
  const channel = await connectProgram(product, program, { agentId, name: 'Shop' });
  await program.say(channel.hookUrl, 'Where is my parcel?', {
    thread: 'order-7',
    sender: { id: 'kim', name: 'Kim' },
  });
  return agentId;
}

it('takes names and parts of ids, and finds what is searched for', async () => {
  const agentId = await openShop();
  const { runId, conversationId } = await say(product.owner, agentId, 'Something else');
  const found = async (...args: string[]) => JSON.parse((await nightshift(...args, '--json')).stdout);
  await expect
    .poll(async () => (await found('conversations', 'list', '--search', 'parcel')).length, {
      timeout: 120_000,
    })
    .toBe(1);
  const [one] = await found(
    'conversations',
    'list',
    '--channel',
    'Shop',
    '--person',
    'Kim',
    '--place',
    'direct',
  );
  expect(one.agent).toEqual({ id: agentId, name: 'finder' });
  expect(await found('conversations', 'list', '--from', '1h', '--agent', 'finder')).toHaveLength(2);
  expect(await found('conversations', 'show', conversationId.slice(-8))).toMatchObject({
    id: conversationId,
  });
  expect(await found('runs', 'show', runId.slice(-8))).toMatchObject({ id: runId });
  expect(await found('runs', 'list', '--status', 'queued,running', '--channel', 'Shop')).toHaveLength(1);
  const ambiguous = await nightshift('runs', 'show', runId.slice(0, 6));
  expect(ambiguous).toMatchObject({ code: 1, stderr: expect.stringContaining(runId) });
  // A table that is piped is for programs: it has whole ids.
  expect((await nightshift('runs', 'list')).stdout).toContain(runId);
});

it('delivers to a place', async () => {
  await openShop();
  const places = await nightshift('channels', 'places', 'Shop');
  expect(places.stdout).toMatch(/Kim +direct .*order-7/);
  const create = [
    'schedules',
    'create',
    'finder',
    'Brief',
    '--every',
    '86400',
    '--prompt',
    'Say it.',
    '--deliver-to',
  ];
  const unknown = await nightshift(...create, 'Shop:#nowhere');
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('order-7') });
  expect((await nightshift(...create, 'Shop')).stderr).toContain('nightshift channels places "Shop"');
  const made = await nightshift(...create, 'Shop:kim');
  expect(made.stdout).toMatch(/delivers to +Shop: Kim/);
  expect((await nightshift('schedules', 'list', '--channel', 'Shop')).stdout).toContain('Shop: Kim');
});

describeWith('tmux', 'on a terminal', () => {
  it('shows the places of a channel, and delivers to the one that is chosen', async () => {
    await openShop();
    await using terminal = await openTerminal(
      `${process.execPath} ${launcher} schedules create finder Brief --every 86400 --prompt Go --deliver-to Shop; echo "left with $?"`,
      envFor(product.url, product.owner.key!),
    );
    await terminal.shows(/1 +Kim +direct +order-7[\s\S]*Deliver to \(number or name\):/);
    terminal.type('1', 'Enter');
    await terminal.shows(/delivers to +Shop: Kim[\s\S]*left with 0/);
    const { data } = await product.owner.expect(200, product.owner.get('/v1/schedules'));
    expect(data).toMatchObject([{ name: 'Brief', deliverTo: { place: { name: 'Kim' } } }]);
  });
});

it('finds the schedule that has a name now, where one that is finished had it before', async () => {
  const agentId = await createAgent(product.owner);
  const make = (timing: object) =>
    product.owner.expect(
      201,
      product.owner.post('/v1/schedules', { agentId, name: 'Twice', prompt: 'x', ...timing }),
    );
  const former = await make({ at: '2999-01-01T00:00:00Z' });
  await product.sql(`UPDATE schedule SET status = 'finished', next_at = NULL, due_at = NULL WHERE id = $1`, [
    former.id,
  ]);
  const { id } = await make({ everySeconds: 86_400 });
  for (const wanted of ['Twice', id.toUpperCase(), id.replaceAll('-', ''), id.slice(-8)]) {
    const { code, stdout } = await nightshift('--json', 'schedules', 'show', wanted);
    expect({ code, id: code === 0 && JSON.parse(stdout).id }).toEqual({ code: 0, id });
  }
});
