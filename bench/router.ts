/**
 * What the router adds to a model call, compared with the bare vendor SDK, and Portkey's gateway beside it: same
 * models, same run, turn by turn, so that whatever else the machine does meets all of them.
 */
import { createRouter, type RouterRequest } from '@nightshift/providers';
import OpenAI, { type ClientOptions } from 'openai';
import type { Bench, Context, Figure } from './lib/bench.ts';
import { closedLoop, openLoop } from './lib/load.ts';
import { startModel } from './lib/model-server.ts';
import { type Portkey, startPortkey } from './lib/portkey.ts';
import { median, percentile } from './lib/statistics.ts';

const text = 'How is the weather on the night shift?';

/** One after the other, answered at once: rounds of each way, and calls a round. */
const alone = { rounds: 24, count: 60 };
/** The model thinks for 400 ms. As many calls are begun a second as keep 100 streams open. */
const crowd = { thinkMs: 400, atOnce: 100, perSecond: 240, rounds: 20, count: 480 };
/** Of each way, before anything counts. */
const warmUpRounds = 2;
const maxSeconds = 60;
const callTimeoutMs = 20_000;

/** How long a call took, in milliseconds. */
interface Taken {
  toFirstToken: number;
  whole: number;
}

interface Way {
  id: 'sdk' | 'router' | 'portkey';
  name: string;
  call: () => Promise<Taken>;
}

interface Measured {
  way: Way;
  /** One a round. */
  blocks: Taken[][];
  calls: number;
  /** Of this process, in milliseconds. */
  cpu: number;
}

export const router: Bench = {
  name: 'router',
  about: "what the router adds to a model call over the bare openai SDK, and Portkey's gateway beside it",
  against:
    'The openai SDK on the same local models in the same run, block by block in turns. Alone: one call at a time, and the ' +
    'model answers at once. 100 at once: the model thinks for 400 ms, and calls begin evenly, so that what is ' +
    'measured is a call among a hundred streams and not a queue for the processor. What is added is the median over all ' +
    'rounds of the difference within a round. Portkey is a process of its own, so its processor time is not in ours.',
  async run(context) {
    const portkey = await startPortkey(context);
    return [...(await measureAlone(context, portkey)), ...(await measureCrowd(context, portkey))];
  },
};

async function measureAlone({ resources, log }: Context, portkey: Portkey | null): Promise<Figure[]> {
  const ways = waysTo(`${await startModel(resources)}/v1`, portkey);
  const { rounds, count } = alone;
  log(`1 at once, ${rounds} rounds …`);
  const measured = await inTurns(ways, rounds, async (call) => {
    const taken: Taken[] = [];
    await closedLoop({ concurrency: 1, count, maxSeconds }, async () => {
      taken.push(await call());
    });
    return taken;
  });
  return compare('at-1', '1 at once', measured);
}

async function measureCrowd({ resources, log }: Context, portkey: Portkey | null): Promise<Figure[]> {
  const { thinkMs, atOnce, perSecond, rounds, count } = crowd;
  const ways = waysTo(`${await startModel(resources, thinkMs)}/v1`, portkey);
  log(`${atOnce} at once, ${rounds} rounds …`);
  const measured = await inTurns(ways, rounds, async (call) => {
    const taken: Taken[] = [];
    await openLoop({ perSecond, count }, async () => {
      taken.push(await call());
    });
    return taken;
  });
  // The first ones of a block began with fewer, the last ones ended so.
  for (const one of measured) one.blocks = one.blocks.map((block) => block.slice(atOnce, -atOnce));
  return compare('at-100', '100 at once', measured);
}

/** A block of each way in every round, in another order each time. */
async function inTurns(
  ways: readonly Way[],
  rounds: number,
  runBlock: (call: Way['call']) => Promise<Taken[]>,
): Promise<Measured[]> {
  const measured = ways.map((way): Measured => ({ way, blocks: [], calls: 0, cpu: 0 }));
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    for (let turn = 0; turn < ways.length; turn += 1) {
      const one = measured[(turn + round + warmUpRounds) % ways.length]!;
      const before = process.cpuUsage();
      const block = await runBlock(one.way.call);
      const { user, system } = process.cpuUsage(before);
      if (round < 0) continue;
      one.blocks.push(block);
      one.calls += block.length;
      one.cpu += (user + system) / 1000;
    }
  }
  return measured;
}

const facts: { id: string; label: string; of: (block: Taken[]) => number }[] = [
  { id: 'p50', label: 'p50', of: (block) => median(block.map(({ whole }) => whole)) },
  {
    id: 'p99',
    label: 'p99',
    of: (block) =>
      percentile(
        block.map(({ whole }) => whole),
        99,
      ),
  },
  {
    id: 'first-token',
    label: 'first token, p50',
    of: (block) => median(block.map(({ toFirstToken }) => toFirstToken)),
  },
];

/** The bare SDK's figures, and what the others add to them. */
function compare(level: string, at: string, [bare, ...others]: Measured[]): Figure[] {
  const figures = facts.flatMap(({ id, label, of }): Figure[] => {
    const base = bare!.blocks.map(of);
    return [
      {
        id: `router.${level}.sdk.${id}`,
        label: `bare SDK, ${at}: ${label}`,
        value: median(base),
        unit: 'ms',
      },
      ...others.map(({ way, blocks }): Figure => {
        const added = blocks.map((block, round) => of(block) - base[round]!);
        return {
          id: `router.${level}.${way.id === 'router' ? 'overhead' : way.id}.${id}`,
          label: `${way.name} adds, ${at}: ${label}`,
          value: median(added),
          unit: 'ms',
        };
      }),
    ];
  });
  const [sdk, routed] = [bare!, ...others].map(({ cpu, calls }) => cpu / calls);
  const id = `router.${level}.overhead.cpu`;
  return [...figures, { id, label: `router adds, ${at}: CPU a call`, value: routed! - sdk!, unit: 'ms' }];
}

/** The bare SDK first: the others are compared with it. */
function waysTo(model: string, portkey: Portkey | null): Way[] {
  return [
    { id: 'sdk', name: 'bare SDK', call: sdkCall(model) },
    { id: 'router', name: 'router', call: routedCall(model) },
    ...(portkey ? [{ id: 'portkey', name: 'Portkey', call: portkeyCall(portkey, model) } as const] : []),
  ];
}

function sdkCall(baseURL: string, more: ClientOptions = {}): Way['call'] {
  const client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0, timeout: callTimeoutMs, ...more });
  return async () => {
    const watch = stopwatch();
    const stream = await client.chat.completions.create({
      model: 'echo',
      messages: [
        { role: 'system', content: 'Answer briefly.' },
        { role: 'user', content: text },
      ],
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const chunk of stream) watch.heard(chunk.choices[0]?.delta.content);
    return watch.stop();
  };
}

/**
 * It passes on how long the model keeps an idle connection, and closes its own sooner: now and then a call meets one
 * that is closing, and is made again.
 */
const portkeyCall = ({ baseUrl, headersFor }: Portkey, model: string): Way['call'] =>
  sdkCall(baseUrl, { maxRetries: 2, defaultHeaders: headersFor(model) });

function routedCall(baseUrl: string): Way['call'] {
  const { stream } = createRouter();
  const key = (credentialId: string) => ({
    credentialId,
    endpoint: { provider: 'bench', wire: 'openai-chat', baseUrl, apiKey: 'none', compat: {} } as const,
  });
  const target = (model: string) => ({ provider: 'bench', model, candidates: [key('one'), key('two')] });
  const request: RouterRequest = {
    call: { system: 'Answer briefly.', messages: [{ role: 'user', content: [{ type: 'text', text }] }] },
    // As a team has it: a fallback, two keys, and a conversation that stays with one of them.
    targets: [target('echo'), target('fallback')],
    scope: 'team',
    stickTo: 'conversation',
  };
  return async () => {
    const watch = stopwatch();
    for await (const event of stream(request, new AbortController().signal)) {
      if (event.type === 'text') watch.heard(event.delta);
      if (event.type === 'error') throw event.error;
    }
    return watch.stop();
  };
}

function stopwatch() {
  const began = performance.now();
  let toFirstToken: number | undefined;
  let reply = '';
  return {
    heard(delta: string | null | undefined) {
      if (!delta) return;
      toFirstToken ??= performance.now() - began;
      reply += delta;
    },
    /** @throws when it is not the reply that was due */
    stop(): Taken {
      const whole = performance.now() - began;
      if (reply !== text) throw new Error(`Not the reply that was due: ${reply}`);
      return { toFirstToken: toFirstToken!, whole };
    },
  };
}
