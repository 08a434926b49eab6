#!/usr/bin/env node
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromRoot, root } from './lib/paths.mjs';
import { prepare, runtime } from './lib/prepare.mjs';
import { main, runChild } from './lib/run.mjs';

const USAGE = `Usage: npm test [-- options]

Installs what is missing and runs all tests.

  npm test -- --fast           those that lie beside the code, in about a minute (npm run test:fast)
  npm test -- packages/core    those whose path contains it
  npm test -- -t "a name"      those whose name matches
  npm test -- --help-vitest    what else vitest takes
`;

/** Tests of one package lie beside its code. What crosses packages, kills processes or starts browsers is in test/. */
const fast = ['apps/', 'packages/'];

await main(async () => {
  const given = process.argv.slice(2);
  if (given.includes('--help') || given.includes('-h')) {
    process.stdout.write(USAGE);
    return 0;
  }
  const args = given.flatMap((arg) => (arg === '--fast' ? fast : arg === '--help-vitest' ? '--help' : arg));
  await prepare();
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-summary-'));
  const summaryFile = join(directory, 'summary.json');
  try {
    const code = await runChild(
      runtime(),
      [
        fromRoot('node_modules/vitest/vitest.mjs'),
        ...['run', '--reporter=default', `--reporter=${fromRoot('scripts/lib/summary-reporter.mjs')}`],
        ...args,
      ],
      { cwd: root, env: { ...process.env, NIGHTSHIFT_TEST_SUMMARY: summaryFile } },
    );
    if (args.includes('--help')) return code;
    const { passed, failed, skipped, unselected, reasons } = readSummary(summaryFile);
    for (const [reason, tests] of Object.entries(reasons)) console.log(`skipped ${tests}: ${reason}`);
    if (unselected > 0) console.log(`not asked for: ${unselected}`);
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return code === 0 && failed > 0 ? 1 : code;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** Without the file, vitest did not come to an end: one failure, whatever else there was. */
function readSummary(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0, unselected: 0, reasons: {} };
  }
}
