/** What the kit asks of every adapter, as far as it applies to one that sends nothing to anybody. */
import { channelCatalog } from '@nightshift/channels';
import { web } from '@nightshift/channels/web';
import type { Fetch } from '@nightshift/contracts';
import { describe, expect, it } from 'vitest';

const fetch: Fetch = () => {
  throw new Error('The web chat asks nobody.');
};
const context = {
  fetch,
  signal: AbortSignal.timeout(10_000),
  idempotencyKey: 'delivery:0',
  maxBytes: 10,
  hookUrl: '',
};
const connect = (settings: object = {}) => ({
  credentials: web.credentials.parse({}),
  settings: web.settings.parse({ origins: 'https://shop.example.com', ...settings }),
  account: null,
});
const file = (data: string) => ({ name: 'a', mediaType: 'text/plain', bytes: null, source: { data } });

it('has what it says that it has, and nothing else', () => {
  const { edit, typing, reactions, files } = web.capabilities;
  expect([edit !== null, typing !== null, reactions, files.outMax !== null, files.inMax !== null]).toEqual(
    [web.edit, web.typing, web.react, web.sendFile, web.download].map((ability) => ability !== undefined),
  );
  const entry = channelCatalog.find(({ slug }) => slug === 'web')!;
  expect(entry.connects).toEqual([]);
  expect([web.hook, web.connector]).toEqual([undefined, undefined]);
  expect(entry.snippet).toContain('data-channel="{key}"');
});

it('sending is done when it is committed, however often', async () => {
  const receipt = await web.send({ text: 'Hello' }, {}, connect(), context);
  expect(JSON.parse(JSON.stringify(receipt))).toEqual(receipt);
  expect(await web.send({ text: 'Hello' }, {}, connect(), context)).toEqual(receipt);
});

it('a file is what came with the message, up to a size', async () => {
  const read = (data: string) => web.download!(file(data), connect(), context);
  expect(Buffer.from((await read(btoa('0123456789'))).data).toString()).toBe('0123456789');
  await expect(read(btoa('0123456789x'))).rejects.toMatchObject({ name: 'ChannelError', kind: 'rejected' });
  await expect(read('')).rejects.toMatchObject({ name: 'ChannelError', kind: 'rejected' });
});

it('says who it is, and which pages are not encrypted', async () => {
  const probe = (origins: string) => web.probe(connect({ origins, title: 'Help' }), context);
  expect(await probe('https://a.example, http://localhost:5173 http://127.0.0.1:1')).toEqual({
    account: { id: null, name: 'Help' },
    problems: [],
  });
  expect((await probe('http://a.example')).problems).toHaveLength(1);
});

describe('settings', () => {
  it('are what is stored of them, read again', () => {
    const settings = web.settings.parse({ origins: 'https://a.example,\nhttps://b.example:8443' });
    expect(settings.origins).toEqual(['https://a.example', 'https://b.example:8443']);
    expect(web.settings.parse(JSON.parse(JSON.stringify(settings)))).toEqual(settings);
  });

  it.each([
    {},
    { origins: '' },
    { origins: 'shop.example.com' },
    { origins: 'https://shop.example.com/' },
    { origins: 'https://shop.example.com/path' },
    { origins: '*' },
    { origins: 'https://*.example.com' },
    { origins: 'null' },
    { origins: 'https://a.example', color: 'red' },
    { origins: 'https://a.example', more: 1 },
  ])('%o are none', (settings) => {
    expect(web.settings.safeParse(settings).success).toBe(false);
  });

  it('a secret of its own is long, and another one each time', () => {
    const [one, two] = [web.credentials.parse({}), web.credentials.parse({})];
    expect(one.secret).not.toBe(two.secret);
    expect(one.secret.length).toBeGreaterThanOrEqual(43);
    expect(web.credentials.safeParse({ secret: 'short' }).success).toBe(false);
  });
});
