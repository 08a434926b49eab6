import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DocumentError } from '@nightshift/contracts/documents';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createDocumentReader, type DocumentReaderOptions, type DocumentReaderPool } from './index.ts';
import type { Reading } from './reader.ts';
import { nodeFlags } from './reading-process.ts';

// Processes are started, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const mebibyte = 1024 * 1024;
const readers: DocumentReaderPool[] = [];
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
});

function start(options: DocumentReaderOptions = {}) {
  const readings: Reading[] = [];
  const reader = createDocumentReader({ observe: (reading) => readings.push(reading), ...options });
  readers.push(reader);
  return { reader, outcomes: () => readings.map(({ outcome }) => outcome) };
}

const headers = 'From: ann@example.com\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n';
const mail = (text: string) => Buffer.from(`${headers}${text}`);
/** Takes the parser about a second for each 100,000. */
const blankLines = (count: number) => mail('\n'.repeat(count));

/** The processes below one, and below them. */
function descendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}
const isReader = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('documents/src/process/main.ts');
  } catch {
    return false;
  }
};
/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, utime, in ticks of 10 ms. */
const cpuSecondsOf = (pid: number) =>
  Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[11]) / 100;
const readingProcesses = (pid = process.pid) => descendants(pid).filter(isReader);
const failureOf = (reading: Promise<unknown>): Promise<DocumentError> =>
  reading.then(
    () => Promise.reject(new Error('It was read.')),
    (error) => error,
  );

describe('a document', () => {
  it('is read in another process, which is kept for the next one and ended when idle', async () => {
    const { reader, outcomes } = start({ idleMs: 300 });
    expect(await reader.read('mail', mail('Hello'), {})).toEqual({ text: 'Hello', isCut: false, files: [] });
    const before = readingProcesses();
    expect(before).toHaveLength(1);
    expect((await reader.read('mail', mail('Hello again'), {})).text).toBe('Hello again');
    expect(readingProcesses()).toEqual(before);
    await expect.poll(() => readingProcesses()).toEqual([]);
    expect((await reader.read('mail', mail('Later'), {})).text).toBe('Later');
    expect(outcomes()).toEqual(['read', 'read', 'read']);
  });

  it('finds no variable of ours in its process', async () => {
    process.env.NIGHTSHIFT_TEST_SECRET = 'a-secret-of-the-worker';
    try {
      const { reader } = start();
      await reader.read('mail', mail('Hello'), {});
      const [pid] = readingProcesses();
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
    } finally {
      delete process.env.NIGHTSHIFT_TEST_SECRET;
    }
  });

  it('cannot make its process read files or start programs', () => {
    const flags = nodeFlags({ memoryBytes: 512 * mebibyte });
    for (const code of [
      `fs.readFileSync('/proc/self/environ')`,
      `child_process.execSync('true')`,
      `eval('1')`,
    ]) {
      const { status, stderr } = spawnSync(process.execPath, [...flags, '-e', code], {
        encoding: 'utf8',
        env: {},
      });
      expect([status, stderr]).toEqual([1, expect.stringMatching(/ERR_ACCESS_DENIED|Code generation/)]);
    }
  });

  it('that cannot be read says why, and does not cost the process', async () => {
    const { reader, outcomes } = start();
    await reader.read('mail', mail('Hello'), {});
    const before = readingProcesses();
    const huge = Buffer.from(`X: ${'x'.repeat(300_000)}\r\n\r\n`);
    expect(await failureOf(reader.read('mail', huge, {}))).toMatchObject({ code: 'unreadable' });
    expect(await failureOf(reader.read('mail', blankLines(700_000), {}))).toMatchObject({
      code: 'too_large',
    });
    expect(await failureOf(reader.read('mailFile', mail('Hello'), { index: 3 }))).toMatchObject({
      code: 'unreadable',
    });
    expect(readingProcesses()).toEqual(before);
    expect(outcomes()).toEqual(['read', 'unreadable', 'too_large', 'unreadable']);
  });
});

describe('a document that is too much', () => {
  it('of time is given up', async () => {
    const { reader } = start({ limits: { cpuMs: 1_000 } });
    const error = await failureOf(reader.read('mail', blankLines(590_000), {}));
    expect(error).toBeInstanceOf(DocumentError);
    expect([error.code, error.message]).toEqual(['too_slow', 'Reading it took more than 1 s.']);
    expect((await reader.read('mail', mail('Next'), {})).text).toBe('Next');
  });

  it('of time by the clock is given up, whatever it does with it', async () => {
    const { reader } = start({ limits: { wallMs: 4_000 } });
    await reader.read('mail', mail('Hello'), {});
    for (const pid of readingProcesses()) process.kill(pid, 'SIGSTOP');
    expect(await failureOf(reader.read('mail', mail('Hello'), {}))).toMatchObject({ code: 'too_slow' });
    await expect.poll(() => readingProcesses()).toEqual([]);
  });

  it('of memory is given up', async () => {
    const { reader } = start({ limits: { memoryBytes: 200 * mebibyte, cpuMs: 60_000 } });
    // Outside of the heap: a file of 20 MiB, several times over. Then within it.
    const file = Buffer.alloc(20 * mebibyte, 7)
      .toString('base64')
      .replace(/.{76}/g, '$&\n');
    const large = `From: a@b.c\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n${file}`;
    for (const raw of [Buffer.from(large), blankLines(500_000)])
      expect(await failureOf(reader.read('mail', raw, {}))).toMatchObject({ code: 'too_large' });
    expect((await reader.read('mail', mail('Next'), {})).text).toBe('Next');
  });

  it('in its answer is not taken', async () => {
    const { reader } = start({ limits: { answerBytes: 10_000 } });
    expect(await failureOf(reader.read('mail', mail('x'.repeat(20_000)), {}))).toMatchObject({
      code: 'too_large',
    });
    expect((await reader.read('mail', mail('Next'), {})).text).toBe('Next');
  });
});

describe('the process', () => {
  it('may be killed by others once, and the document is read all the same', async () => {
    const { reader, outcomes } = start();
    await reader.read('mail', mail('Hello'), {});
    const reading = reader.read('mail', blankLines(100_000), {});
    for (const pid of readingProcesses()) process.kill(pid, 'SIGKILL');
    expect((await reading).text).toBe('');
    expect(outcomes()).toEqual(['read', 'read']);
  });

  it('does not end with a Ctrl-C that its parent handles', async () => {
    const { reader } = start();
    await reader.read('mail', mail('Hello'), {});
    const [pid] = readingProcesses();
    process.kill(pid!, 'SIGINT');
    process.kill(pid!, 'SIGTERM');
    expect((await reader.read('mail', mail('Hello'), {})).text).toBe('Hello');
    expect(readingProcesses()).toEqual([pid]);
  });

  it('is ended with what it reads when nobody wants it any more', async () => {
    const { reader, outcomes } = start({ limits: { cpuMs: 60_000 } });
    const controller = new AbortController();
    const reading = reader.read('mail', blankLines(500_000), {}, controller.signal);
    await expect.poll(() => readingProcesses()).toHaveLength(1);
    controller.abort(new Error('The worker stops.'));
    await expect(reading).rejects.toThrow('The worker stops.');
    await expect.poll(() => readingProcesses()).toEqual([]);
    expect(outcomes()).toEqual(['stopped']);
  });

  it('is not outlived by documents that wait for their turn', async () => {
    const { reader } = start({ processes: 1, limits: { cpuMs: 1_000 } });
    const slow = failureOf(reader.read('mail', blankLines(400_000), {}));
    const others = Promise.all(['one', 'two', 'three'].map((text) => reader.read('mail', mail(text), {})));
    expect((await slow).code).toBe('too_slow');
    expect((await others).map(({ text }) => text)).toEqual(['one', 'two', 'three']);
    expect(readingProcesses()).toHaveLength(1);
  });

  it('ends when its parent is killed, also in the middle of a loop', async () => {
    const index = fileURLToPath(new URL('./index.ts', import.meta.url));
    const code = `
      const { createDocumentReader } = await import(${JSON.stringify(index)});
      const reader = createDocumentReader({ limits: { cpuMs: 600_000, wallMs: 600_000, memoryBytes: 4e9 } });
      await reader.read('mail', Buffer.from('From: a@b.c\\n\\nHello'), {});
      const reading = reader.read('mail', Buffer.from('From: a@b.c\\n\\n' + '\\n'.repeat(590_000)), {});
      console.log('reading');
      await reading;`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => parent.stdout.once('data', resolve));
    const [reading] = readingProcesses(parent.pid);
    // It is in the middle of it, and would be for many times as long.
    const before = cpuSecondsOf(reading!);
    await expect.poll(() => cpuSecondsOf(reading!) - before).toBeGreaterThan(1);
    parent.kill('SIGKILL');
    await expect.poll(() => isReader(reading!), { timeout: 15_000 }).toBe(false);
  });
});
