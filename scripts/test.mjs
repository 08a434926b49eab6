#!/usr/bin/env node
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromRoot, root } from './lib/paths.mjs';
import { prepare, runtime } from './lib/prepare.mjs';
import { main, runChild } from './lib/run.mjs';

await main(async () => {
  await prepare();
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-summary-'));
  const summaryFile = join(directory, 'summary.json');
  try {
    const code = await runChild(
      runtime(),
      [
        fromRoot('node_modules/vitest/vitest.mjs'),
        ...['run', '--reporter=default', `--reporter=${fromRoot('scripts/lib/summary-reporter.mjs')}`],
        ...process.argv.slice(2),
      ],
      { cwd: root, env: { ...process.env, NIGHTSHIFT_TEST_SUMMARY: summaryFile } },
    );
    const { passed, failed, skipped } = readSummary(summaryFile);
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return code;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** Without the file, vitest did not come to an end: one failure, whatever else there was. */
function readSummary(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
