import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EmbeddedPostgres } from './embedded-postgres.ts';
import { ROOT } from './env.ts';
import { createLogStream } from './log-stream.ts';
import { createSupervisor, type Supervisor, type SupervisorOptions } from './supervisor.ts';

const BACKOFF = { initialMs: 20, maxMs: 80, healthyMs: 60_000 };

let root: string;
let output: string;
let supervisor: Supervisor | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'supervisor-'));
  output = '';
  supervisor = undefined;
});

afterEach(async () => {
  await supervisor?.stop();
  rmSync(root, { recursive: true, force: true });
});

/** A stand-in for the api or the worker. It may call `log`, `ready`, `trace` (a line in a file) and `serve`. */
function standIn(name: string, code: string) {
  const file = join(root, `${name}.mjs`);
  writeFileSync(
    file,
    `import { appendFileSync } from 'node:fs';
     const log = (level, msg) => process.stdout.write(JSON.stringify({ level, name: '${name}', msg }) + '\\n');
     const trace = (text) => appendFileSync(${JSON.stringify(join(root, 'trace'))}, text + '\\n');
     const ready = (fields) => process.send({ type: 'ready', ...fields });
     const serve = () => setInterval(() => {}, 1000);
     process.on('disconnect', () => process.exit());
     ${code}`,
  );
  return { name, file };
}

const SERVES = `trace(process.pid); serve(); ready({ url: 'http://x' });`;

function start(processes: SupervisorOptions['processes'], more: Partial<SupervisorOptions> = {}) {
  const stream = new Writable({
    write(chunk, _encoding, done) {
      output += chunk;
      done();
    },
  });
  supervisor = createSupervisor({
    processes,
    environment: {},
    log: createLogStream(stream),
    backoff: BACKOFF,
    ...more,
  });
  supervisor.ready.catch(() => {});
  return supervisor;
}

function traces(): string[] {
  try {
    return readFileSync(join(root, 'trace'), 'utf8').trim().split('\n');
  } catch {
    return [];
  }
}

const messages = () =>
  output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: number; process: string; msg: string });

describe('createSupervisor', () => {
  it('is ready when all processes are, and tells what each of them said', async () => {
    const { ready } = start([standIn('api', SERVES), standIn('worker', SERVES)]);
    const received = await ready;
    expect(received.get('api')).toMatchObject({ url: 'http://x' });
    expect([...received.keys()]).toEqual(['api', 'worker']);
  });

  it('starts processes in the checkout: whoever started us may be in a directory with a `.env` of its own', async () => {
    const elsewhere = process.cwd();
    process.chdir(root);
    try {
      await start([standIn('api', `trace(process.cwd()); ${SERVES}`)]).ready;
    } finally {
      process.chdir(elsewhere);
    }
    expect(join(traces()[0]!, '/')).toBe(ROOT);
  });

  it('restarts a process that dies', async () => {
    const { ready } = start([standIn('api', SERVES)]);
    await ready;
    process.kill(Number(traces()[0]), 'SIGKILL');
    await vi.waitFor(() => expect(traces()).toHaveLength(2), 60_000);
    expect(messages()).toContainEqual(
      expect.objectContaining({ level: 50, msg: 'api ended with SIGKILL; restarting in 20 ms' }),
    );
  });

  it('waits longer before each restart of one that keeps dying', async () => {
    start([standIn('worker', 'process.exit(3);')]);
    await vi.waitFor(() => expect(messages().length).toBeGreaterThanOrEqual(4), 60_000);
    expect(
      messages()
        .slice(0, 4)
        .map(({ msg }) => msg),
    ).toEqual([20, 40, 80, 80].map((ms) => `worker ended with code 3; restarting in ${ms} ms`));
  });

  it('gives up on a wrong configuration with the sentence the process wrote, and does not restart it', async () => {
    const { ready, failed } = start([
      standIn(
        'api',
        `trace('run'); log(60, 'HOST is public and no key is set.'); process.exitCode = 78; process.disconnect();`,
      ),
      standIn('worker', SERVES),
    ]);
    await expect(ready).rejects.toThrow('HOST is public and no key is set.');
    expect(await failed).toMatchObject({ code: 'invalid_configuration' });
    await supervisor?.stop();
    expect(traces().filter((line) => line === 'run')).toHaveLength(1);
    expect(output).not.toContain('HOST is public');
  });

  it('makes a JSON line of whatever a process writes', async () => {
    const { ready } = start([
      standIn(
        'api',
        `process.stdout.write('{"level":30,"msg":"a'); console.error('not JSON'); setTimeout(() => { process.stdout.write('b"}\\n'); ready(); serve(); }, 50);`,
      ),
    ]);
    await ready;
    await vi.waitFor(() => expect(messages()).toHaveLength(2));
    expect(messages()).toContainEqual({ level: 30, msg: 'ab' });
    expect(messages()).toContainEqual(
      expect.objectContaining({ level: 50, process: 'api', msg: 'not JSON' }),
    );
  });

  it('stops the processes first and the database after them', async () => {
    const database = standInDatabase();
    const stops = `process.on('SIGTERM', () => setTimeout(() => { trace('process'); process.exit(); }, 100));`;
    const { ready } = start([standIn('api', stops + SERVES)], {
      database: { current: database.postgres, restart: async () => database.postgres },
    });
    await ready;
    database.onStop = () => expect(traces().at(-1)).toBe('process');
    await supervisor?.stop();
    expect(database.stopped).toBe(1);
    expect(output).not.toContain('restarting');
  });

  it('kills a process that will not stop', async () => {
    const { ready } = start([standIn('worker', `process.on('SIGTERM', () => {}); ${SERVES}`)]);
    await ready;
    await supervisor?.stop();
    expect(() => process.kill(Number(traces()[0]), 0)).toThrow('ESRCH');
    expect(output).toContain('worker did not stop within');
  });

  it('reports nothing of a process that has stopped and is slow to go', async () => {
    const stops = `process.on('SIGTERM', () => process.send({ type: 'stopped' }));`;
    const { ready } = start([standIn('worker', stops + SERVES)]);
    await ready;
    await supervisor?.stop();
    expect(() => process.kill(Number(traces()[0]), 0)).toThrow('ESRCH');
    expect(output).not.toContain('did not stop');
  });

  it('starts the database again when it dies', async () => {
    const first = standInDatabase();
    const second = standInDatabase();
    const restart = vi.fn(async () => second.postgres);
    restart.mockRejectedValueOnce(new Error('not yet'));
    const { ready } = start([standIn('api', SERVES)], { database: { current: first.postgres, restart } });
    await ready;
    first.die();
    await vi.waitFor(() => expect(restart).toHaveBeenCalledTimes(2));
    await supervisor?.stop();
    expect([first.stopped, second.stopped]).toEqual([0, 1]);
  });
});

function standInDatabase() {
  const { promise: exited, resolve } = Promise.withResolvers<{ code: number; signal: null }>();
  const database = {
    stopped: 0,
    onStop: () => {},
    die: () => resolve({ code: 2, signal: null }),
    postgres: {
      url: '',
      urlOf: () => '',
      pid: 0,
      exited,
      kill: () => {},
      async stop() {
        database.stopped++;
        database.onStop();
      },
    } satisfies EmbeddedPostgres,
  };
  return database;
}
