#!/usr/bin/env node
import { fromRoot, root } from './lib/paths.mjs';
import { prepare, runtime } from './lib/prepare.mjs';
import { main, runChild } from './lib/run.mjs';

await main(async () => {
  await prepare();
  const steps = [
    { name: 'format and lint (biome)', args: ['node_modules/@biomejs/biome/bin/biome', 'ci'] },
    { name: 'types (tsc)', args: ['scripts/typecheck.mjs'] },
    { name: 'tests (vitest)', args: ['scripts/test.mjs'] },
  ];
  for (const { name, args } of steps) {
    console.log(`\n▸ ${name}`);
    const [file, ...rest] = args;
    const code = await runChild(runtime(), [fromRoot(file), ...rest], { cwd: root });
    if (code !== 0) {
      console.error(`\n✗ ${name} failed.`);
      return code;
    }
  }
  console.log('\n✓ All checks passed.');
});
