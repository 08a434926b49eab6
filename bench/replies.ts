/** How fast it replies: one after the other, and many at once. */
import type { Bench, Figure } from './lib/bench.ts';
import { closedLoop, type Load } from './lib/load.ts';
import { startModel } from './lib/model-server.ts';
import { createEchoAgent, setup, startNightshift, talk } from './lib/nightshift.ts';
import { percentile } from './lib/statistics.ts';
import { temporaryDirectory } from './lib/temporary.ts';

const maxSeconds = 30;
const warmUp = { concurrency: 16, count: 1000, maxSeconds };
const single = { concurrency: 1, count: 500, maxSeconds };
/** As long as the history that a model is shown, at two messages a reply. */
const same = { concurrency: 1, count: 100, maxSeconds };
const levels = [8, 16, 32];
const atOnce = { count: 3000, maxSeconds };

export const replies: Bench = {
  name: 'replies',
  about: 'POST /v1/agents/:id/messages?wait=30: latency one at a time, rate and latency at 8, 16 and 32',
  against: setup,
  async run({ resources, log }) {
    const model = await startModel(resources);
    const { client } = await startNightshift(resources, { data: temporaryDirectory(resources) });
    const agentId = await createEchoAgent(client, model);
    const newConversation = async (index: number) => {
      await talk(client, agentId, `Message ${index}: how is the weather on the night shift?`);
    };
    log(`warming up with ${warmUp.count} replies …`);
    await closedLoop(warmUp, newConversation);

    log('one at a time …');
    const figures = latencies('single', 'one at a time', await closedLoop(single, newConversation));
    let conversation: string | undefined;
    const sameConversation = async (index: number) => {
      conversation = await talk(client, agentId, `Message ${index}: and now?`, conversation);
    };
    figures.push(...latencies('same', 'in one conversation', await closedLoop(same, sameConversation)));

    for (const concurrency of levels) {
      log(`${concurrency} at once …`);
      const load = await closedLoop({ ...atOnce, concurrency }, newConversation);
      figures.push(
        {
          id: `replies.at-${concurrency}.rate`,
          label: `replies, ${concurrency} at once`,
          value: load.perSecond,
          unit: 'replies/s',
        },
        ...latencies(`at-${concurrency}`, `${concurrency} at once`, load),
      );
    }
    return figures;
  },
};

function latencies(id: string, label: string, load: Load): Figure[] {
  return [50, 95, 99].map((percent) => ({
    id: `replies.${id}.p${percent}`,
    label: `reply, ${label}: p${percent}`,
    value: percentile(load.latencies, percent),
    unit: 'ms',
  }));
}
