import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirectoryError, takeDataDirectory } from './data-directory.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'data-directory-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function refusal(path: string): DataDirectoryError {
  try {
    takeDataDirectory(path).release();
  } catch (error) {
    if (error instanceof DataDirectoryError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}

/** Another process that takes the directory and says so. */
async function startHolder(path: string) {
  const module = fileURLToPath(new URL('./data-directory.ts', import.meta.url));
  const code = `import { takeDataDirectory } from ${JSON.stringify(module)};
    const data = takeDataDirectory(${JSON.stringify(path)});
    process.on('SIGTERM', () => { data.release(); process.exit(); });
    console.log(data.wasKilled);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    wasKilled: line.toString().trim() === 'true',
    async end(signal: NodeJS.Signals) {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    },
  };
}

describe('takeDataDirectory', () => {
  it('makes the directory for this user alone', () => {
    const path = join(root, 'a', 'data');
    takeDataDirectory(path).release();
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(readdirSync(path).sort()).toEqual(['VERSION', 'lock']);
  });

  it('refuses a second process, and lets it in once the first one has gone, however it went', async () => {
    const first = await startHolder(root);
    expect(first.wasKilled).toBe(false);
    const error = refusal(root);
    expect(error.code).toBe('in_use');
    expect(error.message).toMatch(/already running on .* \(process \d+\)/);

    await first.end('SIGKILL');
    const second = await startHolder(root);
    expect(second.wasKilled).toBe(true);
    await second.end('SIGTERM');
    const third = takeDataDirectory(root);
    expect(third.wasKilled).toBe(false);
    third.release();
  });

  it('leaves data of another version as it is', () => {
    writeFileSync(join(root, 'VERSION'), '2\n');
    expect(refusal(root)).toMatchObject({ code: 'foreign_data_version' });
    expect(readdirSync(root)).toEqual(['VERSION']);
  });

  it('refuses what is not a directory', () => {
    const path = join(root, 'file');
    writeFileSync(path, '');
    expect(refusal(path)).toMatchObject({ code: 'not_a_directory' });
    expect(refusal(join(path, 'below'))).toMatchObject({ code: 'not_a_directory' });
  });

  it('refuses a directory it cannot write', () => {
    chmodSync(root, 0o555);
    // Root can write everywhere, so it steps down for as long as this takes.
    const isRoot = process.geteuid!() === 0;
    if (isRoot) process.seteuid!(65_534);
    try {
      expect(refusal(root)).toMatchObject({ code: 'not_writable' });
      expect(refusal(join(root, 'below'))).toMatchObject({ code: 'not_writable' });
    } finally {
      if (isRoot) process.seteuid!(0);
      chmodSync(root, 0o700);
    }
    expect(existsSync(join(root, 'VERSION'))).toBe(false);
  });
});
