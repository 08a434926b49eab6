import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkAdminKey, checkDataDirectory, checkDiskSpace, checkNode, runningProcess } from './machine.ts';

let root: string;
let data: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nightshift-doctor-'));
  data = join(root, 'data');
});
afterEach(() => rmSync(root, { recursive: true }));

const make = (mode = 0o700) => {
  mkdirSync(data);
  chmodSync(data, mode);
};
const writeKey = (mode: number) => {
  writeFileSync(join(data, 'admin-key'), 'ns_x\n');
  chmodSync(join(data, 'admin-key'), mode);
};

it('checkNode wants the major that runs TypeScript', () => {
  expect(checkNode('24.0.0').status).toBe('ok');
  expect(checkNode('22.19.0')).toMatchObject({
    status: 'failed',
    advice: expect.stringContaining('npx nightshift'),
  });
});

describe('checkDataDirectory', () => {
  it('is content with a private one', () => {
    make();
    expect(checkDataDirectory(data)).toMatchObject({ status: 'ok', detail: expect.stringContaining('0700') });
  });

  it('warns of one that is missing or open to others', () => {
    expect(checkDataDirectory(data)).toMatchObject({
      status: 'warning',
      advice: expect.stringContaining('npm start'),
    });
    make(0o755);
    expect(checkDataDirectory(data)).toMatchObject({
      status: 'warning',
      advice: `Close it: chmod 700 ${data}`,
    });
  });

  it('refuses a file', () => {
    writeFileSync(data, '');
    expect(checkDataDirectory(data).status).toBe('failed');
  });
});

describe('checkAdminKey', () => {
  it('is content with a private file, and refuses an open one', () => {
    make();
    writeKey(0o600);
    expect(checkAdminKey(data, undefined).status).toBe('ok');
    writeKey(0o644);
    expect(checkAdminKey(data, undefined)).toMatchObject({
      status: 'failed',
      advice: expect.stringContaining('chmod 600'),
    });
  });

  it('misses the file only when no variable holds a key', () => {
    expect(checkAdminKey(data, undefined).status).toBe('warning');
    expect(checkAdminKey(data, { source: 'NIGHTSHIFT_API_KEY' }).status).toBe('skipped');
  });
});

it('checkDiskSpace looks at the disk on which the directory will be', () => {
  expect(checkDiskSpace(join(data, 'not', 'there'))).toMatchObject({
    detail: expect.stringMatching(/^[\d.]+ [kMGT]?B free/),
  });
});

describe('runningProcess', () => {
  it('is the process that holds the directory', () => {
    make();
    writeFileSync(join(data, 'nightshift.pid'), `${process.pid}\n`);
    expect(runningProcess(data)).toBe(process.pid);
  });

  it('is none without the file, and none when the process is gone', () => {
    expect(runningProcess(data)).toBeUndefined();
    make();
    // Beyond the largest process number that Linux gives.
    writeFileSync(join(data, 'nightshift.pid'), '4999999\n');
    expect(runningProcess(data)).toBeUndefined();
  });
});
