/** The walk of each platform, through one product. */
import { afterAll, beforeAll, it } from 'vitest';
import { createClient } from '../../support/api/index.ts';
import { type Receiver, startReceiver } from '../../support/channel/index.ts';
import { type RunningProduct, startProduct } from '../../support/product.ts';
import { discord } from './platforms/discord.ts';
import type { World } from './platforms/platform.ts';
import { slack } from './platforms/slack.ts';
import { sms } from './platforms/sms.ts';
import { teams } from './platforms/teams.ts';
import { telegram } from './platforms/telegram.ts';
import { whatsapp } from './platforms/whatsapp.ts';
import { walk } from './walk.ts';

const publicUrl = 'https://agents.example.com';

let product: RunningProduct;
let told: Receiver;

beforeAll(async () => {
  told = await startReceiver();
  product = await startProduct({ env: { OUTBOUND_ALLOW: '127.0.0.1', PUBLIC_URL: publicUrl } });
  const owner = createClient(product.url, product.adminKey);
  await owner.expect(201, owner.post('/v1/webhooks', { url: told.url, events: ['channel.attention'] }));
});
afterAll(async () => {
  await product?.stop();
  await told?.close();
});

const platforms = [
  discord,
  slack('http'),
  slack('socket'),
  sms,
  teams,
  telegram('polling'),
  telegram('webhook'),
  whatsapp,
];

it.concurrent.each(platforms)('$name', { timeout: 180_000 }, async (platform) => {
  const reach = (url: string) => url.replace(publicUrl, product.url);
  const world: World = {
    reach,
    push: ({ url, method, headers, body }) =>
      fetch(reach(url), { method, headers: headers as Record<string, string>, body: Buffer.from(body) }),
  };
  await walk(platform, { owner: createClient(product.url, product.adminKey), world, told });
});
