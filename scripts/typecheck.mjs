#!/usr/bin/env node
import { fromRoot, root } from './lib/paths.mjs';
import { prepare, runtime } from './lib/prepare.mjs';
import { main, runChild } from './lib/run.mjs';

/** The server, and what runs in browsers. */
const projects = ['.', 'apps/api/widget'];

await main(async () => {
  await prepare();
  const tsc = fromRoot('node_modules/typescript-cli/bin/tsc');
  for (const project of projects) {
    const code = await runChild(runtime(), [tsc, '--noEmit', '-p', project], { cwd: root });
    if (code !== 0) return code;
  }
});
