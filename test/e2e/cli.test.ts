/** The real command against the real product, both as processes. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Run, Step, TalkReply } from '@nightshift/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../support/api/client.ts';
import { type Input, launcher, runCli } from '../support/cli.ts';
import { until } from '../support/faults/until.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';
import { bareEnvironment, type RunningProduct, startProduct } from '../support/product.ts';
import { describeWith } from '../support/programs.ts';
import { openTerminal } from '../support/terminal.ts';

let product: RunningProduct;
let models: ModelServer;
let env: Record<string, string>;

beforeAll(async () => {
  [product, models] = await Promise.all([startProduct(), startModelServer()]);
  env = bareEnvironment({ NIGHTSHIFT_DATA: product.dataDirectory, PORT: String(product.port) });
});

/** What a test has made, also one that was given up half-way, is not there for the next. */
beforeEach(async () => {
  models.reset();
  const owner = createClient(product.url, product.adminKey);
  const { key } = await owner.expect(200, owner.get('/v1/me'));
  for (const path of ['/v1/channels', '/v1/agents', '/v1/provider-credentials', '/v1/api-keys']) {
    const { data } = await owner.expect(200, owner.get(path));
    for (const { id, name } of data)
      if (id !== key.id && name !== 'assistant') await owner.expect(204, owner.delete(`${path}/${id}`));
  }
});

afterAll(async () => {
  await Promise.all([product?.stop(), models?.close()]);
});

const nightshift = (args: string[], options: Input = {}) =>
  runCli(args, { ...options, env: { ...env, ...options.env } });

/** The one JSON document of a command that went well. */
async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await nightshift([...args, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

describe('nightshift agents', () => {
  it('makes, shows, changes and deletes one, by its name', async () => {
    const created = await json<{ id: string }>(
      'agents',
      'create',
      'writer',
      '--max-seconds',
      '60',
      '--block-tool',
      'notes.delete',
    );
    const shown = await nightshift(['agents', 'show', 'writer']);
    expect(shown.stdout).toContain(created.id);
    expect(shown.stdout).toContain('all but notes.delete');

    const changed = await nightshift(
      ['agents', 'update', 'writer', '--name', 'author', '--instructions-file', '-'],
      {
        stdin: 'Write.',
      },
    );
    expect(changed).toMatchObject({ code: 0, stderr: '' });
    expect(await json('agents', 'show', created.id)).toMatchObject({
      name: 'author',
      instructions: 'Write.',
      limits: { maxSeconds: 60, maxSteps: 100 },
      tools: { 'notes.delete': 'block' },
    });
    expect((await nightshift(['agents', 'list'])).stdout).toMatch(/^NAME.*\nauthor .*\nassistant /);

    expect(await json('agents', 'delete', 'author')).toEqual({ id: created.id, deleted: true });
    const gone = await nightshift(['agents', 'show', 'author']);
    expect(gone).toEqual({
      code: 1,
      stdout: '',
      stderr: 'nightshift: There is no agent "author". There are: assistant.\n',
    });
  });

  it('shows the field that the server refuses', async () => {
    const { code, stderr } = await nightshift(['agents', 'create', 'x', '--model', 'nobody/model', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stderr).error).toMatchObject({
      code: 'invalid_request',
      status: 400,
      errors: [{ path: 'model' }],
    });
  });
});

describe('nightshift chat', () => {
  it('prints the reply alone to a pipe', async () => {
    const { code, stdout, stderr } = await nightshift([
      'chat',
      'assistant',
      '--message',
      'What time is it in Europe/Berlin?',
    ]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Demo model [^\n]*time\.now says: [^\n]*Europe\/Berlin[^\n]*\n$/);
    expect(code).toBe(0);
  });

  it('takes its message from stdin, and goes on with a conversation', async () => {
    const first = await nightshift(['chat', '--json'], { stdin: 'Remember that the demo is on Friday\n' });
    expect(first.code).toBe(0);
    const reply = JSON.parse(first.stdout) as TalkReply;
    expect(reply).toMatchObject({
      status: 'succeeded',
      reply: { text: expect.stringContaining('kept') },
      error: null,
    });

    await json('chat', '--conversation', reply.conversationId, '--message', 'Show my notes');
    const { messages } = await json<{ messages: { role: string; text: string }[] }>(
      'conversations',
      'show',
      reply.conversationId,
    );
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    expect(messages[0]!.text).toBe('Remember that the demo is on Friday');
    expect(messages[3]!.text).toContain('the-demo-is-on');
  });

  it('ends with 1 and says why, when the run fails', async () => {
    await json('agents', 'create', 'keyless', '--model', 'openai/gpt-5.4');
    const { code, stdout, stderr } = await nightshift(['chat', 'keyless', '-m', 'hi']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/✗ There is no key for OpenAI\.\n {2}\S/);
    const [run] = await json<Run[]>('runs', 'list', '--status', 'failed', '--limit', '1');
    expect(run?.error?.code).toBe('no_credential');
  });

  it('wants something to say, and a terminal to talk', async () => {
    expect(await nightshift(['chat'], { stdin: ' \n' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nothing to say'),
    });
  });
});

describe('nightshift runs', () => {
  it('shows the journal of a run, step by step', async () => {
    const { runId } = await json<TalkReply>('chat', '-m', 'What time is it?');
    const { stdout } = await nightshift(['runs', 'show', runId]);
    expect(stdout).toMatch(new RegExp(`^Run ${runId} {2}succeeded`));
    expect(stdout).toMatch(
      / 0 demo\/guide {2}succeeded[\s\S]* 1 → time\.now {2}succeeded[\s\S]* 2 demo\/guide {2}succeeded/,
    );
    expect(stdout).toMatch(/demo\/guide {2}ok {2}\d+ in, \d+ out {2}\$0 /);

    const document = await json<Run & { steps: Step[] }>('runs', 'show', runId);
    expect(document).toMatchObject({
      id: runId,
      steps: [{ kind: 'model' }, { kind: 'tool' }, { kind: 'model' }],
    });
    expect((await nightshift(['runs', 'list', '--agent', 'assistant'])).stdout).toContain(runId);
  });

  it('watches one to its end, as JSON lines too', async () => {
    const { runId } = await json<TalkReply>('chat', '-m', 'What time is it?');
    const { code, stdout } = await nightshift(['runs', 'show', runId, '--follow', '--json']);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ event: { type: 'run.finished', status: 'succeeded' } });
    expect(code).toBe(0);
    expect((await nightshift(['runs', 'show', runId, '--follow'])).stdout).toMatch(
      /→ time\.now {2}✓ \d+ms\n[\s\S]*\nRun /,
    );
  });

  it('does not retry what succeeded', async () => {
    const { runId } = await json<TalkReply>('chat', '-m', 'hi');
    expect(await nightshift(['runs', 'retry', runId])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing to retry'),
    });
  });
});

describe('nightshift keys', () => {
  it('makes one that works until it is revoked', async () => {
    const { stdout, stderr } = await nightshift(['keys', 'create', 'ci', '--role', 'viewer']);
    expect(stdout).toMatch(/^ns_\S{40,}\n$/);
    expect(stderr).toContain('only this once');
    const NIGHTSHIFT_API_KEY = stdout.trim();
    expect(await nightshift(['agents', 'list'], { env: { NIGHTSHIFT_API_KEY } })).toMatchObject({ code: 0 });
    expect(await nightshift(['keys', 'list'], { env: { NIGHTSHIFT_API_KEY } })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('your key is viewer'),
    });
    expect((await nightshift(['keys', 'list'])).stdout).toMatch(/^ci +viewer/m);

    expect(await nightshift(['keys', 'revoke', 'ci'])).toMatchObject({ code: 0 });
    const refused = await nightshift(['agents', 'list', '--json'], { env: { NIGHTSHIFT_API_KEY } });
    expect(refused.code).toBe(4);
    expect(JSON.parse(refused.stderr).error).toMatchObject({ code: 'unauthorized', status: 401 });
  });
});

describe('nightshift providers', () => {
  it('says how to begin while there is no key', async () => {
    const { stdout } = await nightshift(['providers', 'list']);
    expect(stdout).toMatch(
      /^There is no model key yet.*\nStore one: nightshift providers add openai\n\d\d more/,
    );
    expect((await nightshift(['providers', 'list', '--all'])).stdout).toMatch(/^anthropic +- /m);
  });

  it('stores a key from stdin, shows only its end, and forgets it', async () => {
    const add = ['providers', 'add', 'anthropic', '--label', 'spare'];
    expect(await nightshift(add)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--api-key-stdin'),
    });
    const added = await nightshift([...add, '--api-key-stdin'], { stdin: 'sk-ant-secret-wxyz\n' });
    expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining('anthropic/') });

    const { stdout } = await nightshift(['providers', 'list']);
    expect(stdout).toMatch(/^anthropic +1 stored/m);
    expect(stdout).toMatch(/^anthropic +spare +…wxyz +1 +unknown/m);
    expect(stdout).not.toContain('secret');

    expect(await nightshift(['providers', 'remove', 'spare'])).toMatchObject({ code: 0 });
    expect((await nightshift(['providers', 'list'])).stdout).not.toContain('anthropic');
  });

  it('takes parameters, weight and prices, and changes them', async () => {
    const add = [
      'providers',
      'add',
      'azure',
      '--weight',
      '0',
      '--parameter',
      'resource=my-team',
      '--api-key-stdin',
    ];
    expect(await nightshift(add, { stdin: 'azure-key-0123456789' })).toMatchObject({ code: 0 });
    const moved = ['providers', 'update', 'azure', '--parameter', 'resource=ours'];
    const refused = await nightshift(moved);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('apiKey') });
    const more = ['--weight', '5', '--prices', '1,2,0.1', '--api-key-stdin'];
    const stdin = 'azure-key-9876543210';
    expect(await nightshift([...moved, ...more], { stdin })).toMatchObject({ code: 0 });
    const { credentials } = await json<{ credentials: object[] }>('providers', 'list');
    expect(credentials).toMatchObject([
      {
        weight: 5,
        parameters: { resource: 'ours' },
        prices: { input: '1', output: '2', cachedInput: '0.1' },
      },
    ]);
    expect(await json('providers', 'update', 'azure', '--no-prices')).toMatchObject({
      prices: null,
      weight: 5,
    });
    const wrong = await nightshift(['providers', 'update', 'azure', '--parameter', 'resource=a.b']);
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('letters, digits and dashes') });
    expect(await nightshift(['providers', 'update', 'azure', '--prices', '1'])).toMatchObject({ code: 2 });
  });

  it('tests a key, and rotates it', async () => {
    const vendor = await startModelServer({ keys: ['sk-right'] });
    await using _ = { [Symbol.asyncDispose]: () => vendor.close() };
    const endpoint = ['openai-compatible', '--name', 'tested', '--base-url', vendor.openaiUrl];
    const add = ['providers', 'add', ...endpoint, '--api-key-stdin'];
    expect(await nightshift(add, { stdin: 'sk-wrong' })).toMatchObject({ code: 0 });
    const refused = await nightshift(['providers', 'test', 'tested']);
    expect(refused).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^✗ .*\n +The key was refused.*\n +Check/),
    });
    expect(
      await nightshift(['providers', 'rotate', 'tested', '--api-key-stdin'], { stdin: 'sk-right\n' }),
    ).toMatchObject({
      code: 0,
    });
    const works = await nightshift(['providers', 'test', 'tested']);
    expect(works).toMatchObject({ code: 0, stdout: expect.stringMatching(/^✓ .* works: called test-model/) });
    expect(await json('providers', 'test', 'tested')).toMatchObject({ ok: true, problem: null });

    expect((await nightshift(['models', 'tested', '--live'])).stdout).toMatch(
      /^MODEL.*\ntested\/test-model +- +- +- +live/,
    );
  });
});

describe('nightshift agents, with a policy', () => {
  it('takes one, breaks its first vendor, and shows what came of it', async () => {
    const broken = await startModelServer({ keys: ['sk-right'] });
    await using _ = { [Symbol.asyncDispose]: () => broken.close() };
    // Of a key that was there before, the workers know already how it is.
    const stdin = `sk-wrong-${randomUUID()}`;
    for (const [name, { openaiUrl }] of Object.entries({ broken, whole: models })) {
      const add = ['providers', 'add', 'openai-compatible', '--name', name, '--base-url', openaiUrl];
      expect(await nightshift([...add, '--api-key-stdin'], { stdin })).toMatchObject({ code: 0 });
    }
    expect((await nightshift(['providers', 'health'])).stdout).not.toContain('broken');
    const policy = (second: string) =>
      JSON.stringify({ targets: [{ model: 'broken/test-model' }, { model: second, tier: 2 }] });
    const wrong = await nightshift(['agents', 'create', 'steady', '--policy', policy('whole/tset-model')]);
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('Did you mean test-model?') });
    expect(await nightshift(['agents', 'create', 'steady', '--policy', '{'])).toMatchObject({ code: 2 });
    const created = await nightshift(['agents', 'create', 'steady', '--policy', policy('whole/test-model')]);
    expect(created.stdout).toMatch(/tier 1: broken\/test-model\n +tier 2: whole\/test-model\n/);

    const { runId, reply } = await json<TalkReply>('chat', 'steady', '--message', 'hello');
    expect(reply).toEqual({ text: 'hello' });
    expect((await nightshift(['runs', 'show', runId])).stdout).toMatch(
      /broken\/test-model.*auth.*whole\/test-model/s,
    );

    const { stdout } = await nightshift(['providers', 'health']);
    expect(stdout).toMatch(/^broken\/test-model +broken +open +\dm\d\ds +1 /m);
    expect(stdout).toMatch(/^whole\/test-model +whole +closed/m);
    expect(stdout).toMatch(/^broken\/test-model, broken: .*refused/m);
    const mended = await nightshift(['providers', 'health', '--reset', 'broken/test-model']);
    expect(mended.stdout).toMatch(/^broken\/test-model +broken +closed/m);
  });
});

describe('nightshift models', () => {
  it('lists prices and windows', async () => {
    const { stdout } = await nightshift(['models', 'openai', '--match', 'GPT-5.4']);
    expect(stdout).toMatch(/^MODEL +INPUT +OUTPUT +CONTEXT +FROM\n/);
    expect(stdout).toMatch(/^openai\/gpt-5\.4 +\$2\.5 +\$15 +1,050,000 +prices$/m);
    expect(stdout).not.toContain('gpt-4o');
    const { data, problem } = await json<{ data: object[]; problem: string | null }>('models', 'anthropic');
    expect(problem).toBeNull();
    expect(data).toContainEqual(expect.objectContaining({ ref: 'anthropic/claude-sonnet-5' }));
  });

  it('finds a model of a vendor without a key, and says how to get to use it', async () => {
    const { stdout, stderr } = await nightshift(['models', '--match', 'claude-sonnet-5']);
    expect(stdout).toMatch(/^anthropic\/claude-sonnet-5 +\$/m);
    expect(stdout).not.toContain('gpt-');
    expect(stderr).toMatch(
      /no key yet.*\n(.*\n)* +Anthropic: nightshift providers add anthropic, or set ANTHROPIC_API_KEY/,
    );
    const { data } = await json<{ data: { ref: string }[] }>('models', '--match', 'CLAUDE-sonnet');
    expect(data.map(({ ref }) => ref)).toContain('anthropic/claude-sonnet-5');
    expect((await nightshift(['models', '--match', 'no-such-model'])).stdout).toMatch(
      /^No known model has "no-such-model"/,
    );
  });

  it('says what to do where there are none', async () => {
    expect((await nightshift(['models'])).stdout).toMatch(/^No models are known here\.\nName a vendor/);
    const live = await nightshift(['models', 'groq', '--live']);
    expect(live).toMatchObject({ code: 0, stderr: expect.stringContaining('There is no key for Groq.') });
    expect(await nightshift(['models', '--live'])).toMatchObject({ code: 2 });
  });
});

describe('nightshift doctor', () => {
  interface Report {
    ok: boolean;
    findings: { name: string; status: string; detail: string; advice?: string }[];
  }
  const report = async (options: Parameters<typeof nightshift>[1] = {}, args: string[] = []) => {
    const { code, stdout } = await nightshift(['doctor', '--json', ...args], options);
    const { ok, findings } = JSON.parse(stdout) as Report;
    return { code, ok, of: (name: string) => findings.find((finding) => finding.name === name) };
  };

  it('finds nothing wrong with a server that runs, and asks an agent when it may', async () => {
    const { code, ok, of } = await report({}, ['--talk']);
    expect({ code, ok }).toEqual({ code: 0, ok: true });
    for (const name of [
      'node',
      'data directory',
      'disk space',
      'admin key',
      'server',
      'database',
      'queue',
      'api key',
      'worker',
    ]) {
      expect(of(name)).toMatchObject({ status: 'ok' });
    }
    expect(of('worker')?.detail).toMatch(/^assistant answered in /);
    expect(of('model keys')).toMatchObject({
      status: 'warning',
      advice: expect.stringContaining('providers add'),
    });
  });

  it('says which process runs elsewhere, when nothing listens at the address', async () => {
    const { code, of } = await report({ env: { PORT: '65533' } });
    expect(code).toBe(1);
    expect(of('server')).toMatchObject({
      status: 'failed',
      advice: expect.stringContaining(`process ${product.pid}`),
    });
    expect(of('database')).toBeUndefined();
  });

  it('says how to start one, when there is none', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nightshift-doctor-'));
    chmodSync(directory, 0o755);
    const { code, stdout } = await nightshift(['doctor'], {
      env: { PORT: '65533', NIGHTSHIFT_DATA: directory },
    });
    rmSync(directory, { recursive: true });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^! data directory .*open to others.*\n +→ Close it: chmod 700 /m);
    expect(stdout).toMatch(/^✗ server .*nothing listens there.*\n +→ Start it: npm start$/m);
    expect(stdout).toMatch(/^· api key.*not checked/m);
  });

  it('knows another program by its answers', async () => {
    const stranger = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { of } = await report({ env: { PORT: String((stranger.address() as AddressInfo).port) } });
    stranger.close();
    expect(of('server')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('another program'),
    });
  });

  it('tells a key that is refused', async () => {
    const { of } = await report({ env: { NIGHTSHIFT_API_KEY: 'ns_nobody' } });
    expect(of('api key')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('NIGHTSHIFT_API_KEY'),
    });
  });
});

describe('the command', () => {
  it('ends with 3 when the server cannot be reached', async () => {
    const { code, stdout, stderr } = await nightshift([
      'agents',
      'list',
      '--url',
      'http://127.0.0.1:65533',
      '--json',
    ]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(JSON.parse(stderr).error).toMatchObject({
      code: 'unreachable',
      hint: expect.stringContaining('npm start'),
    });
  });

  it('ends with 2 when it is used wrongly, and says so as JSON if asked', async () => {
    expect(await nightshift(['agents', 'lits'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean list?'),
    });
    const { stderr } = await nightshift(['runs', 'show', '--json']);
    expect(JSON.parse(stderr).error).toMatchObject({
      code: 'usage',
      message: "missing required argument 'id'",
    });
    expect((await nightshift(['agents'])).code).toBe(2);
  });

  it('sends the admin key of this machine to no other', async () => {
    // Another name of the same server, which is not known to be this machine.
    const { code } = await nightshift(['agents', 'list', '--url', `http://0.0.0.0:${product.port}`]);
    expect(code).toBe(4);
  });

  it('does not mind a reader that has had enough', async () => {
    const child = spawn(process.execPath, [launcher, 'providers', 'list', '--json'], { env });
    child.stdout.destroy();
    const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect(stderr).toBe('');
  });

  it('shows its version and its help', async () => {
    expect((await nightshift(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await nightshift([])).toMatchObject({ code: 0, stdout: expect.stringContaining('Exit codes:') });
  });
});

describeWith('tmux', 'nightshift chat on a terminal', () => {
  beforeEach(async () => {
    const owner = createClient(product.url, product.adminKey);
    const endpoint = {
      provider: 'openai-compatible',
      name: 'lab',
      baseUrl: models.openaiUrl,
      apiKey: 'sk-lab',
    };
    await owner.expect(201, owner.post('/v1/provider-credentials', endpoint));
    await owner.expect(201, owner.post('/v1/agents', { name: 'lab', model: 'lab/test-model' }));
  });

  const words = Array.from({ length: 200 }, (_, index) => `word${index} `);

  it('streams, shows tool calls, stops a run at Ctrl-C and leaves at Ctrl-D', async () => {
    models.script([
      { text: 'Let me see.', toolCalls: [{ name: 'time.now', arguments: { timezone: 'Nowhere/Land' } }] },
      { text: 'It is late.' },
      { text: words, chunkMs: 200 },
      { text: 'After that.' },
    ]);
    await using terminal = await openTerminal(
      `${process.execPath} ${launcher} chat lab; echo "left with $?"`,
      env,
    );
    await terminal.shows(/^> $/m);
    terminal.type('What time is it?', 'Enter');
    await terminal.shows(
      /→ time\.now \{"timezone":"Nowhere\/Land"\} {2}✗ \d+ms: "Nowhere[^\n]*\n\nIt is late\.\n\n> $/,
    );

    terminal.type('Say a lot', 'Enter');
    await terminal.shows(/word3/);
    terminal.type('C-c');
    await terminal.shows(/stopping[\s\S]*\ncancelled\n\n> $/);
    const [run] = await json<Run[]>('runs', 'list', '--limit', '1');
    expect(run?.status).toBe('cancelled');

    terminal.type('two \\', 'Enter', 'lines', 'Enter');
    await terminal.shows(/> two \\\n\. lines\nAfter that\.\n\n> $/);
    await until('the model was sent both lines', () =>
      models.requests.some(({ userText }) => userText.endsWith('two \nlines')),
    );

    terminal.type('C-d');
    await terminal.shows(/left with 0/);
  });

  it('leaves at the second Ctrl-C, and not at one that clears the line', async () => {
    await using terminal = await openTerminal(
      `${process.execPath} ${launcher} chat lab; echo "left with $?"`,
      env,
    );
    await terminal.shows(/^> $/m);
    terminal.type('half', 'C-c');
    await terminal.shows(/\n> $/);
    terminal.type('C-c');
    await terminal.shows(/Ctrl-C again to leave/);
    terminal.type('C-c');
    await terminal.shows(/left with 0/);
  });

  it('keeps a paste together, and what is typed ahead for the next turn', async () => {
    models.script([{ text: words.slice(0, 10), chunkMs: 200 }, { text: 'Read.' }]);
    await using terminal = await openTerminal(`${process.execPath} ${launcher} chat lab`, env);
    await terminal.shows(/^> $/m);
    terminal.type('go', 'Enter');
    await terminal.shows(/word1/);
    terminal.type('look: ');
    terminal.paste('one\ntwo\nthree');
    terminal.type('Enter');
    await terminal.shows(/> look: one\n\. two\n\. three\nRead\./);
  });

  it('asks for a model key without showing it', async () => {
    await using terminal = await openTerminal(
      `${process.execPath} ${launcher} providers add mistral; echo "left with $?"`,
      env,
    );
    await terminal.shows(/Mistral API key/);
    terminal.type('sk-unseen-1234', 'Enter');
    const screen = await terminal.shows(/left with 0/);
    expect(screen).toContain('Stored.');
    expect(screen).not.toContain('unseen');
    expect((await nightshift(['providers', 'list'])).stdout).toContain('…1234');
  });

  it('asks for what a channel needs, says what is wrong with a value, and asks again', async () => {
    await using terminal = await openTerminal(
      `${process.execPath} ${launcher} channels add sms --name Texts; echo "left with $?"`,
      env,
    );
    await terminal.shows(/Account SID \[accountSid\] \(e\.g\. AC…\):/);
    terminal.type('12345', 'Enter');
    await terminal.shows(/It begins with AC and has 34 characters\.\n[\s\S]*\[accountSid\]/);
    terminal.type(`AC${'0'.repeat(32)}`, 'Enter');
    await terminal.shows(/\[authToken\] \(not shown\)/);
    terminal.type('unseen-0123456789abcdef', 'Enter');
    await terminal.shows(/\[sender\]/);
    terminal.type('555-1234', 'Enter');
    await terminal.shows(/A number as in \+15551234567[\s\S]*\[sender\]/);
    terminal.type('+15551234567', 'Enter');
    const screen = await terminal.shows(/left with 0/);
    expect(screen).not.toContain('unseen');
    const { stdout } = await nightshift(['channels', 'show', 'Texts', '--json']);
    expect(JSON.parse(stdout).settings).toMatchObject({ sender: '+15551234567' });
  });
});
