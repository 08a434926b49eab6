import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeDataDirectory } from './data-directory.ts';
import { tighten } from './tighten.ts';

const isRoot = process.geteuid!() === 0;
/** Of the name of a test. */
const onlyRoot = isRoot ? '' : ' (skipped: only root can give a file to another user)';
const stranger = 12_345;

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tighten-'));
  path = join(root, 'data');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const modeOf = (file: string) => statSync(file).mode & 0o7777;

/** As an earlier version left it, whose directory somebody else had made. */
function makeUsed(mode = 0o755): void {
  mkdirSync(path);
  for (const name of ['VERSION', 'secret-key', 'admin-key']) writeFileSync(join(path, name), '1\n');
  for (const name of ['secret-key', 'admin-key']) chmodSync(join(path, name), 0o644);
  mkdirSync(join(path, 'postgres'));
  chmodSync(join(path, 'postgres'), 0o750);
  chmodSync(path, mode);
}

describe('tighten', () => {
  it.each([0o755, 0o777, 0o750, 0o701])('closes a used directory of mode %o, and the keys in it', (mode) => {
    makeUsed(mode);
    const notices = tighten(path);
    expect(modeOf(path)).toBe(0o700);
    expect(modeOf(join(path, 'secret-key'))).toBe(0o600);
    expect(modeOf(join(path, 'admin-key'))).toBe(0o600);
    expect(modeOf(join(path, 'postgres'))).toBe(0o700);
    expect(notices).toHaveLength(4);
    expect(notices[0]).toEqual({
      level: 'info',
      message: expect.stringContaining(`(mode 0${mode.toString(8)}) and is closed now`),
    });
    expect(tighten(path)).toEqual([]);
  });

  it('closes an empty one, which is what was made for it', () => {
    mkdirSync(path);
    chmodSync(path, 0o755);
    tighten(path);
    expect(modeOf(path)).toBe(0o700);
  });

  it('closes what a link leads to', () => {
    makeUsed();
    const link = join(root, 'link');
    symlinkSync(path, link);
    expect(tighten(link).map(({ level }) => level)).not.toContain('warn');
    expect(modeOf(path)).toBe(0o700);
  });

  it.each([
    ['everybody writes into', () => chmodSync(path, 0o1777)],
    [
      'something else lives in',
      () => {
        rmSync(join(path, 'VERSION'));
        writeFileSync(join(path, 'thesis.tex'), '');
      },
    ],
    // Such as /var, of which a first start has made a data directory by mistake.
    ['something else lives in, and Nightshift since lately', () => mkdirSync(join(path, 'log'))],
    ['has directories of these names, but was never used', () => rmSync(join(path, 'VERSION'))],
  ])('leaves a directory that %s as it is, and says so', (_, make) => {
    makeUsed();
    make();
    const before = modeOf(path);
    expect(tighten(path)[0]).toEqual({
      level: 'warn',
      message: expect.stringContaining('is not for Nightshift alone'),
    });
    expect(modeOf(path)).toBe(before);
    // The keys are Nightshift's, wherever they are.
    expect(modeOf(join(path, 'secret-key'))).toBe(0o600);
  });

  // Asked of a directory of the test, and never of the machine's own.
  it.each(['a place that everybody writes into', 'what something else lives in'])(
    'changes nothing in %s that another program may have under the same name',
    (place) => {
      makeUsed();
      for (const name of ['run', 'etc']) mkdirSync(join(path, name), { mode: 0o755 });
      if (place.startsWith('a place')) chmodSync(path, 0o1777);
      tighten(path);
      expect(modeOf(join(path, 'run'))).toBe(0o755);
      expect(modeOf(join(path, 'postgres'))).toBe(0o750);
      expect(modeOf(join(path, 'etc'))).toBe(0o755);
    },
  );

  it('follows no link to a file', () => {
    makeUsed();
    const elsewhere = join(root, 'mounted');
    writeFileSync(elsewhere, 'secret\n');
    chmodSync(elsewhere, 0o644);
    rmSync(join(path, 'secret-key'));
    symlinkSync(elsewhere, join(path, 'secret-key'));
    tighten(path);
    expect(modeOf(elsewhere)).toBe(0o644);
  });

  it.runIf(isRoot)(`leaves another user's directory as it is, and says whose it is${onlyRoot}`, () => {
    makeUsed();
    chownSync(path, stranger, stranger);
    expect(tighten(path)[0]).toEqual({
      level: 'warn',
      message: expect.stringContaining(`belongs to user ${stranger}`),
    });
    expect(modeOf(path)).toBe(0o755);
  });

  it.runIf(isRoot)(`says that a link is another user's${onlyRoot}`, () => {
    makeUsed();
    const link = join(root, 'link');
    symlinkSync(path, link);
    lchownSync(link, stranger, stranger);
    expect(tighten(link)[0]).toEqual({
      level: 'warn',
      message: expect.stringContaining('link of another user'),
    });
  });
});

it('is what happens when a data directory is taken', () => {
  makeUsed();
  const data = takeDataDirectory(path);
  data.release();
  expect(modeOf(path)).toBe(0o700);
  expect(data.notices.map(({ level }) => level)).toEqual(['info', 'info', 'info', 'info']);
});
