/** How long it takes until it is ready, and until somebody has an answer. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from './lib/bench.ts';
import { startModel } from './lib/model-server.ts';
import { createEchoAgent, setup, startNightshift, talk } from './lib/nightshift.ts';
import { median } from './lib/statistics.ts';
import { temporaryDirectory } from './lib/temporary.ts';

const firstBoots = 3;
const warmStarts = 7;

export const start: Bench = {
  name: 'start',
  about: 'first boot and warm start until /readyz is 200, and the first reply after it (medians)',
  against: `${setup} Dependencies installed, database client generated, files in the page cache.`,
  async run({ resources, log }) {
    const model = await startModel(resources);
    const directory = temporaryDirectory(resources);
    const data = join(directory, 'data');
    const first: number[] = [];
    let agentId = '';
    for (let boot = 1; boot <= firstBoots; boot += 1) {
      await rm(data, { recursive: true, force: true });
      const product = await startNightshift(resources, { data });
      first.push(product.startSeconds);
      log(`first boot ${boot} of ${firstBoots}: ${product.startSeconds.toFixed(2)} s`);
      if (boot === firstBoots) agentId = await createEchoAgent(product.client, model);
      await product.stop();
    }

    const warm: number[] = [];
    const replies: number[] = [];
    for (let run = 1; run <= warmStarts; run += 1) {
      const product = await startNightshift(resources, { data });
      const began = performance.now();
      await talk(product.client, agentId, 'Good morning.');
      warm.push(product.startSeconds);
      replies.push(performance.now() - began);
      log(
        `warm start ${run} of ${warmStarts}: ${warm.at(-1)!.toFixed(2)} s, first reply ${replies.at(-1)!.toFixed(0)} ms`,
      );
      await product.stop();
    }
    return [
      { id: 'start.first', label: 'first boot to ready', value: median(first), unit: 's' },
      { id: 'start.warm', label: 'warm start to ready', value: median(warm), unit: 's' },
      { id: 'start.first-reply', label: 'first reply after a start', value: median(replies), unit: 'ms' },
    ];
  },
};
