/**
 * The worker, as apps/worker/src/main.ts starts it, with two tools more. Each execution appends a line to a file, and
 * the first one of a call then waits until it is stopped: the moment to kill the worker at.
 */

import { once } from 'node:events';
import { appendFileSync, readFileSync } from 'node:fs';
import { runProcess, tellReady } from '@nightshift/core/process';
import { builtInTools, defineTool, type ToolEffect } from '@nightshift/tools';
import { startWorker } from '@nightshift/worker/worker';
import { z } from 'zod';

const append = (name: string, effect: ToolEffect) =>
  defineTool({
    name,
    description: 'Appends a line to a file.',
    input: z.strictObject({ file: z.string() }),
    effect,
    async execute({ file }, { idempotencyKey, signal }) {
      appendFileSync(file, `${idempotencyKey}\n`);
      const executions = readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line === idempotencyKey);
      if (executions.length === 1) await once(signal, 'abort');
      return 'Appended.';
    },
  });

const tools = [...builtInTools, append('test.once', 'once'), append('test.idempotent', 'idempotent')];

await runProcess({ name: 'worker', providerVariables: [], stopMs: () => 10_000 }, async (env, log) => {
  const worker = await startWorker(env, log, { tools });
  tellReady({ type: 'ready', process: 'worker' });
  return worker.close;
});
