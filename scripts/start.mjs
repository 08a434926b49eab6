#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { fromRoot } from './lib/paths.mjs';
import { prepare } from './lib/prepare.mjs';
import { become, main } from './lib/run.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    // Not worth an installation.
    process.stdout.write(readFileSync(fromRoot('apps/standalone/usage.txt')));
    return 0;
  }
  await prepare();
  return await become(fromRoot('apps/standalone/src/main.ts'), args);
});
