/** How fast it takes messages in: the answer comes when the row is committed, the reply is made afterwards. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Figure } from './lib/bench.ts';
import { type Client, expectStatus } from './lib/client.ts';
import { closedLoop, type Load, openLoop } from './lib/load.ts';
import { startModel } from './lib/model-server.ts';
import { createEchoAgent, setup, startNightshift, talk } from './lib/nightshift.ts';
import { percentile } from './lib/statistics.ts';
import { temporaryDirectory } from './lib/temporary.ts';

const warmUp = { concurrency: 16, count: 1000, maxSeconds: 30 };
const rates = [
  { perSecond: 200, count: 2000 },
  { perSecond: 800, count: 4000 },
];
const flatOut = { concurrency: 64, count: 4000, maxSeconds: 30 };
const drainTimeoutMs = 180_000;

export const accept: Bench = {
  name: 'accept',
  about: 'POST /v1/agents/:id/messages without wait: latency at 200/s and 800/s, and as fast as it goes',
  against: `${setup} The worker makes the replies at the same time.`,
  async run({ resources, log }) {
    const model = await startModel(resources);
    const { client } = await startNightshift(resources, { data: temporaryDirectory(resources) });
    const agentId = await createEchoAgent(client, model);
    const say = async (index: number) => {
      const message = { text: `Message ${index}` };
      expectStatus(await client.post(`/v1/agents/${agentId}/messages`, message), 202);
    };
    log('warming up …');
    await closedLoop(warmUp, async (index) => void (await talk(client, agentId, `Message ${index}`)));

    const figures: Figure[] = [];
    for (const rate of rates) {
      log(`${rate.perSecond} a second …`);
      figures.push(...latencies(`at-${rate.perSecond}`, `${rate.perSecond}/s`, await openLoop(rate, say)));
      await drain(client);
    }
    log('as fast as it goes …');
    const load = await closedLoop(flatOut, say);
    await drain(client);
    figures.push(
      {
        id: 'accept.flat-out.rate',
        label: `accept, ${flatOut.concurrency} at once`,
        value: load.perSecond,
        unit: 'requests/s',
      },
      ...latencies('flat-out', `${flatOut.concurrency} at once`, load),
    );
    return figures;
  },
};

function latencies(id: string, label: string, load: Load): Figure[] {
  return [50, 99].map((percent) => ({
    id: `accept.${id}.p${percent}`,
    label: `accept at ${label}: p${percent}`,
    value: percentile(load.latencies, percent),
    unit: 'ms',
  }));
}

/** Waits until every accepted message is answered. @throws when a run failed */
async function drain(client: Client): Promise<void> {
  const has = async (status: string) =>
    expectStatus(await client.get(`/v1/runs?status=${status}&limit=1`), 200).data.length > 0;
  for (const deadline = Date.now() + drainTimeoutMs; (await has('queued')) || (await has('running')); ) {
    if (Date.now() > deadline) throw new Error('What was accepted is not answered in time.');
    await sleep(250);
  }
  if (await has('failed')) throw new Error('A run failed.');
}
