/** `POST /v1/channels/:id/test`, whatever a platform answers. */
import { adapterSource, type ChannelAdapter, type ProbeResult } from '@nightshift/channels';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';
import { createTestChannel } from '../support/channel/index.ts';

let found: () => unknown;
const odd = {
  ...createTestChannel({ idempotentSend: false }),
  probe: async () => found() as ProbeResult,
} as ChannelAdapter;
let product: Product;
let channel: string;

beforeAll(async () => {
  product = await startProduct({ adapters: adapterSource([odd]) });
  const body = {
    kind: odd.kind,
    agentId: await createAgent(product.owner),
    credentials: { token: 'first-token-0001' },
    settings: { url: 'https://platform.example.com' },
  };
  channel = (await product.owner.expect(201, product.owner.post('/v1/channels', body))).id;
});
afterAll(() => product.close());

const test = async (answer: () => unknown) => {
  found = answer;
  return product.owner.expect(200, product.owner.post(`/v1/channels/${channel}/test`, {}));
};

it.each<[string, () => unknown]>([
  ['nothing', () => null],
  ['what makes the adapter stumble', () => (undefined as unknown as { id: string }).id],
  ['no account', () => ({ problems: [] })],
  ['an id that is a number', () => ({ account: { id: 7, name: 'bot' }, problems: [] })],
  ['a name that is an object', () => ({ account: { id: '7', name: {} }, problems: [] })],
  ['problems that are none', () => ({ account: { id: '7', name: 'bot' }, problems: [null] })],
])('%s is a test that failed', async (_what, answer) => {
  expect(await test(answer)).toMatchObject({
    ok: false,
    account: null,
    problems: [{ message: 'The platform answered something that cannot be read.' }],
  });
});

it('what cannot be stored of an account is left out', async () => {
  const account = { id: 'b\0ot\ud800', name: 'The \0bot' };
  expect(await test(() => ({ account, problems: [] }))).toMatchObject({ ok: true });
  const { account: kept } = await product.owner.expect(200, product.owner.get(`/v1/channels/${channel}`));
  expect(kept).toEqual({ id: 'bot\ufffd', name: 'The bot' });
});
