#!/usr/bin/env node
import { fromRoot } from './lib/paths.mjs';
import { prepare } from './lib/prepare.mjs';
import { become, main } from './lib/run.mjs';

await main(async () => {
  await prepare();
  return await become(fromRoot('test/support/releases/record.ts'), process.argv.slice(2));
});
