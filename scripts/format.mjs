#!/usr/bin/env node
import { fromRoot, root } from './lib/paths.mjs';
import { ensureInstalled, runtime } from './lib/prepare.mjs';
import { main, runChild } from './lib/run.mjs';

await main(async () => {
  await ensureInstalled();
  const biome = fromRoot('node_modules/@biomejs/biome/bin/biome');
  return await runChild(runtime(), [biome, 'check', '--write', ...process.argv.slice(2)], { cwd: root });
});
