import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { leftoversOf } from './server.ts';

it('are those of this user whose run is over', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-leftovers-'));
  try {
    // No process has such an id: Linux counts to 2^22.
    const over = join(directory, 'nightshift-test-99999999-abc');
    for (const path of [
      over,
      join(directory, `nightshift-test-${process.pid}-abc`),
      join(directory, 'other'),
    ])
      mkdirSync(path);
    const me = process.getuid!();
    expect(leftoversOf(me, directory)).toEqual([over]);
    expect(leftoversOf(me + 1, directory)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
