import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findRunningServer, removeAddress, writeAddress } from './running-server.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'running-server-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Another process that holds the lock as a server does. */
async function startHolder() {
  const code = `const { DatabaseSync } = require('node:sqlite');
    const lock = new DatabaseSync(${JSON.stringify(join(directory, 'lock'))});
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    console.log('held');
    setInterval(() => lock.isOpen, 1000);`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

it('finds the server that holds the directory, and no longer when it was killed', async () => {
  {
    await using _ = await startHolder();
    expect(findRunningServer(directory)).toBeUndefined();
    writeAddress(directory, 'http://127.0.0.1:4321');
    expect(findRunningServer(directory)).toBe('http://127.0.0.1:4321');
    // Looking does not take the lock away.
    expect(findRunningServer(directory)).toBe('http://127.0.0.1:4321');
    expect(statSync(join(directory, 'address')).mode & 0o777).toBe(0o600);
  }
  expect(readdirSync(directory).sort()).toEqual(['address', 'lock']);
  expect(findRunningServer(directory)).toBeUndefined();
});

it('finds none where "lock" or "address" is something else', async () => {
  writeAddress(directory, 'http://127.0.0.1:4321');
  writeFileSync(join(directory, 'lock'), 'of another program');
  expect(findRunningServer(directory)).toBeUndefined();
  rmSync(join(directory, 'lock'));
  mkdirSync(join(directory, 'lock'));
  expect(findRunningServer(directory)).toBeUndefined();
  rmSync(join(directory, 'lock'), { recursive: true });
  await using _ = await startHolder();
  removeAddress(directory);
  mkdirSync(join(directory, 'address'));
  expect(findRunningServer(directory)).toBeUndefined();
});

it.each(['', 'file:///etc/passwd', 'nonsense', '127.0.0.1:80'])(
  'does not believe the address %j',
  async (text) => {
    await using _ = await startHolder();
    writeFileSync(join(directory, 'address'), text);
    expect(findRunningServer(directory)).toBeUndefined();
    removeAddress(directory);
    expect(findRunningServer(directory)).toBeUndefined();
  },
);

it('finds nothing where there is no directory, or no server was', () => {
  expect(findRunningServer(join(directory, 'none'))).toBeUndefined();
  expect(findRunningServer(directory)).toBeUndefined();
});
