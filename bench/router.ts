/**
 * What the router adds to a model call, compared with the bare vendor SDK: same server, same process, turn by turn, so
 * that whatever else the machine does meets both.
 */
import { createRouter, type RouterRequest } from '@nightshift/providers';
import OpenAI from 'openai';
import type { Bench, Figure } from './lib/bench.ts';
import { closedLoop } from './lib/load.ts';
import { startModel } from './lib/model-server.ts';
import { percentile } from './lib/statistics.ts';

/** Rounds of each side, and calls a round. The first ones warm up and do not count. */
const warmUpRounds = 4;
const levels = [
  { concurrency: 1, rounds: 30, count: 100 },
  { concurrency: 100, rounds: 20, count: 200 },
];
const maxSeconds = 60;
const text = 'How is the weather on the night shift?';

interface Side {
  latencies: number[];
  /** Of this process, in milliseconds. */
  cpu: number;
}

export const router: Bench = {
  name: 'router',
  about: 'what the router adds to a model call over the bare openai SDK, at 1 and 100 streams at once',
  against:
    'The openai SDK on the same local model server in the same process, alternating. At 100 the processor is the limit, so ' +
    'a latency is mostly waiting for the other 99: what counts there is the processor time that a call adds.',
  async run({ resources, log }) {
    const url = await startModel(resources);
    const bare = bareCall(`${url}/v1`);
    const routed = routedCall(`${url}/v1`);
    const figures: Figure[] = [];
    for (const { concurrency, rounds, count } of levels) {
      log(`${concurrency} at once, ${rounds} rounds …`);
      const sides: [Side, Side] = [
        { latencies: [], cpu: 0 },
        { latencies: [], cpu: 0 },
      ];
      for (let round = -warmUpRounds; round < rounds; round += 1) {
        for (const [index, call] of [bare, routed].entries()) {
          const before = process.cpuUsage();
          const { latencies } = await closedLoop({ concurrency, count, maxSeconds }, call);
          const { user, system } = process.cpuUsage(before);
          if (round < 0) continue;
          sides[index]!.latencies.push(...latencies);
          sides[index]!.cpu += (user + system) / 1000;
        }
      }
      figures.push(...compare(concurrency, sides));
    }
    return figures;
  },
};

function compare(concurrency: number, [bare, routed]: [Side, Side]): Figure[] {
  const id = `router.at-${concurrency}`;
  const latencies = [50, 99].flatMap((percent): Figure[] => {
    const [sdk, ours] = [bare, routed].map((side) => percentile(side.latencies, percent)) as [number, number];
    const at = `${concurrency} at once: p${percent}`;
    return [
      { id: `${id}.sdk.p${percent}`, label: `bare SDK, ${at}`, value: sdk, unit: 'ms' },
      { id: `${id}.router.p${percent}`, label: `router, ${at}`, value: ours, unit: 'ms' },
      { id: `${id}.overhead.p${percent}`, label: `router adds, ${at}`, value: ours - sdk, unit: 'ms' },
    ];
  });
  const perCall = ({ cpu, latencies }: Side) => cpu / latencies.length;
  return [
    ...latencies,
    {
      id: `${id}.overhead.cpu`,
      label: `router adds, ${concurrency} at once: CPU a call`,
      value: perCall(routed) - perCall(bare),
      unit: 'ms',
    },
  ];
}

function bareCall(baseURL: string): () => Promise<void> {
  const client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 });
  return async () => {
    const stream = await client.chat.completions.create({
      model: 'echo',
      messages: [
        { role: 'system', content: 'Answer briefly.' },
        { role: 'user', content: text },
      ],
      stream: true,
      stream_options: { include_usage: true },
    });
    let reply = '';
    for await (const chunk of stream) reply += chunk.choices[0]?.delta.content ?? '';
    if (reply !== text) throw new Error(`Not the reply that was due: ${reply}`);
  };
}

function routedCall(baseUrl: string): () => Promise<void> {
  const { stream } = createRouter();
  const request: RouterRequest = {
    call: { system: 'Answer briefly.', messages: [{ role: 'user', content: [{ type: 'text', text }] }] },
    targets: [
      {
        provider: 'bench',
        model: 'echo',
        candidates: [
          {
            credentialId: null,
            endpoint: { provider: 'bench', wire: 'openai-chat', baseUrl, apiKey: 'none', compat: {} },
          },
        ],
      },
    ],
  };
  return async () => {
    let reply = '';
    for await (const event of stream(request, new AbortController().signal)) {
      if (event.type === 'text') reply += event.delta;
      if (event.type === 'error') throw event.error;
    }
    if (reply !== text) throw new Error(`Not the reply that was due: ${reply}`);
  };
}
