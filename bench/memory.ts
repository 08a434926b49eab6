/** The memory of everything that `npm start` runs: supervisor, api, worker and all of Postgres. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './lib/bench.ts';
import { closedLoop } from './lib/load.ts';
import { startModel } from './lib/model-server.ts';
import { createEchoAgent, setup, startNightshift, talk } from './lib/nightshift.ts';
import { treeMemoryMb } from './lib/process-tree.ts';
import { median } from './lib/statistics.ts';
import { temporaryDirectory } from './lib/temporary.ts';

const settleMs = 5_000;
const sampleMs = 500;
const load = { concurrency: 32, count: 6000, maxSeconds: 40 };

export const memory: Bench = {
  name: 'memory',
  about: 'proportional set size of the whole process tree, idle and at 32 replies at once (Linux)',
  against: `${setup} The Node program's own pages are also shared with the load and the model, each counted its share.`,
  async run({ resources, log }) {
    if (process.platform !== 'linux') {
      log('left out: it reads /proc, which only Linux has');
      return [];
    }
    const model = await startModel(resources);
    const product = await startNightshift(resources, { data: temporaryDirectory(resources) });
    const agentId = await createEchoAgent(product.client, model);
    await sleep(settleMs);
    const idle = treeMemoryMb(product.pid);

    log(`${load.concurrency} at once …`);
    const samples: number[] = [];
    let loaded = true;
    const sampling = (async () => {
      for (; loaded; await sleep(sampleMs)) samples.push(treeMemoryMb(product.pid));
    })();
    await closedLoop(load, async (index) => void (await talk(product.client, agentId, `Message ${index}`)));
    loaded = false;
    await sampling;
    await sleep(settleMs);
    return [
      { id: 'memory.idle', label: 'memory, idle after the start', value: idle, unit: 'MB' },
      { id: 'memory.load.p50', label: 'memory under load: median', value: median(samples), unit: 'MB' },
      { id: 'memory.load.peak', label: 'memory under load: peak', value: Math.max(...samples), unit: 'MB' },
      {
        id: 'memory.after',
        label: 'memory, idle after the load',
        value: treeMemoryMb(product.pid),
        unit: 'MB',
      },
    ];
  },
};
