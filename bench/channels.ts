/**
 * How fast a platform hears that its message arrived: verified and committed, while the answers go out. And how soon a
 * person sees that an answer is being written.
 */
import type { Bench, Figure } from './lib/bench.ts';
import { type Client, expectStatus } from './lib/client.ts';
import { closedLoop, openLoop } from './lib/load.ts';
import { startModel } from './lib/model-server.ts';
import { createEchoAgent, setup, startNightshift } from './lib/nightshift.ts';
import { type Platform, platforms, startPlatformApi, webhook } from './lib/platforms.ts';
import { percentile } from './lib/statistics.ts';
import { temporaryDirectory } from './lib/temporary.ts';

const people = 100;
/** One may send 30 messages a second there; so many together are below it. */
const channelsOfKind = 2;
/** Everybody has written once: those who are measured are known. */
const warmUp = { concurrency: 8, count: 2 * 4 * channelsOfKind * people, maxSeconds: 60 };
const rates = [
  { perSecond: 200, count: 3000 },
  { perSecond: 400, count: 3000 },
];
const visible = { concurrency: 1, count: 200, maxSeconds: 60 };

export const channels: Bench = {
  name: 'channels',
  about:
    'POST /v1/hooks/:key, signed, of four kinds: how soon a platform is answered, and a person sees something',
  against: `${setup} ${channelsOfKind} channels each of webhook, slack, telegram and whatsapp, with ${people} people; the answers are delivered at the same time.`,
  async run({ resources, log }) {
    const model = await startModel(resources);
    const api = await startPlatformApi(resources);
    const { client } = await startNightshift(resources, {
      data: temporaryDirectory(resources),
      env: { OUTBOUND_ALLOW: '127.0.0.1' },
    });
    const agentId = await createEchoAgent(client, model);
    const all = Array.from({ length: channelsOfKind }, () => platforms(api.url)).flat();
    const hooks: Hook[] = [];
    for (const platform of all) hooks.push(await connect(client, agentId, platform, { live: false }));

    let events = 0;
    const push = async () => {
      events += 1;
      await deliver(
        client,
        hooks[events % hooks.length]!,
        events,
        Math.floor(events / hooks.length) % people,
      );
    };
    log('warming up …');
    await closedLoop(warmUp, push);
    const figures: Figure[] = [];
    for (const rate of rates) {
      log(`${rate.perSecond} a second …`);
      const { latencies } = await openLoop(rate, push);
      for (const percent of [50, 99]) {
        figures.push({
          id: `channels.at-${rate.perSecond}.p${percent}`,
          label: `webhooks of four kinds answered at ${rate.perSecond}/s: p${percent}`,
          value: percentile(latencies, percent),
          unit: 'ms',
        });
      }
    }

    log('until something is seen …');
    const shown = await connect(client, agentId, webhook(api.url), { live: true });
    let seen = Promise.withResolvers<void>();
    api.onRequest = (body) => {
      if (body.includes('"type":"message"') && body.includes('"thread":"thread-')) seen.resolve();
    };
    const { latencies } = await closedLoop(visible, async () => {
      seen = Promise.withResolvers<void>();
      events += 1;
      // A thread of its own: what was said before does not count.
      await deliver(client, shown, events, events);
      await seen.promise;
    });
    figures.push({
      id: 'channels.first-visible.p50',
      label: 'from a message to the first that is seen of its answer: p50',
      value: percentile(latencies, 50),
      unit: 'ms',
    });
    return figures;
  },
};

interface Hook {
  platform: Platform;
  path: string;
}

async function connect(
  client: Client,
  agentId: string,
  platform: Platform,
  { live }: { live: boolean },
): Promise<Hook> {
  const { kind, credentials, settings } = platform;
  const access = { strangers: 'answer', limits: { messagesPerMinute: 10_000, programTurns: 100 } };
  const body = { kind, agentId, credentials, settings, access, live };
  const channel = expectStatus(await client.post('/v1/channels', body), 201);
  return { platform, path: new URL(channel.webhookUrl).pathname };
}

async function deliver(client: Client, { platform, path }: Hook, nth: number, person: number): Promise<void> {
  const { body, headers } = platform.push(nth, person);
  expectStatus(await client.post(path, body, headers), 200);
}
