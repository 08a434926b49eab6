/** How fast a platform hears that its message arrived: verified and committed. The answers go out at the same time. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signedHeaders } from '@nightshift/channels/webhook';
import type { Bench, Figure } from './lib/bench.ts';
import { expectStatus } from './lib/client.ts';
import { closedLoop, openLoop } from './lib/load.ts';
import { startModel } from './lib/model-server.ts';
import { createEchoAgent, setup, startNightshift } from './lib/nightshift.ts';
import { percentile } from './lib/statistics.ts';
import { temporaryDirectory } from './lib/temporary.ts';

const threads = 200;
const warmUp = { concurrency: 8, count: 400, maxSeconds: 30 };
const rates = [
  { perSecond: 200, count: 3000 },
  { perSecond: 400, count: 3000 },
];

export const channels: Bench = {
  name: 'channels',
  about: 'POST /v1/hooks/:key, signed: how soon a platform is answered at 200/s and 400/s',
  against: `${setup} A webhook channel with ${threads} threads; the answers are delivered at the same time.`,
  async run({ resources, log }) {
    const model = await startModel(resources);
    const url = await startReceiver(resources);
    const { client } = await startNightshift(resources, {
      data: temporaryDirectory(resources),
      env: { OUTBOUND_ALLOW: '127.0.0.1' },
    });
    const agentId = await createEchoAgent(client, model);
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    const body = { kind: 'webhook', agentId, credentials: { secret }, settings: { url } };
    const access = { strangers: 'answer', limits: { messagesPerMinute: 10_000 } };
    const channel = expectStatus(await client.post('/v1/channels', { ...body, access }), 201);
    const { pathname } = new URL(channel.webhookUrl);
    let events = 0;
    const push = async () => {
      events += 1;
      const sender = { id: `person-${events % threads}`, name: 'Ann' };
      const text = JSON.stringify({
        thread: `thread-${events % threads}`,
        sender,
        text: `Message ${events}`,
      });
      const headers = signedHeaders(secret, `event-${events}`, Date.now(), Buffer.from(text));
      expectStatus(await client.post(pathname, text, headers), 200);
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
          label: `webhook answered at ${rate.perSecond}/s: p${percent}`,
          value: percentile(latencies, percent),
          unit: 'ms',
        });
      }
    }
    return figures;
  },
};

/** Takes whatever it is sent. @returns its address */
async function startReceiver(resources: AsyncDisposableStack): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end('{}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  resources.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
