/**
 * What the product relies on in adapters that send over the connector's connection. What they send and hear is asked of
 * real servers: irc-ngircd.test.ts, xmpp-prosody.test.ts.
 */
import { adapterSource, builtInAdapters, type ChannelAdapter, channelCatalog } from '@nightshift/channels';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { beforeAll, describe, expect, it } from 'vitest';

const samples: Record<string, { credentials: object; settings: object; to: Record<string, string> }> = {
  irc: { credentials: {}, settings: { host: 'irc.example', nick: 'nightbot' }, to: { target: '#dev' } },
  xmpp: {
    credentials: { password: 'secret' },
    settings: { address: 'nightbot@example.org' },
    to: { to: 'ann@example.org', type: 'chat', messageId: 'm1' },
  },
};

it('knows them by the catalogue, as by what they say of themselves', async () => {
  const adapters = (await Promise.all(builtInAdapters.kinds.map(builtInAdapters.load))) as ChannelAdapter[];
  expect(adapterSource(adapters).kindsOverConnection.toSorted()).toEqual(
    builtInAdapters.kindsOverConnection.toSorted(),
  );
  expect(Object.keys(samples)).toEqual(builtInAdapters.kindsOverConnection.toSorted());
});

describe.each(Object.entries(samples))('%s', (kind, { credentials, settings, to }) => {
  let adapter: ChannelAdapter;
  beforeAll(async () => {
    adapter = (await builtInAdapters.load(kind))!;
  });

  it('has each ability exactly when it says so, and a connector', () => {
    const { capabilities } = adapter;
    expect({
      edit: typeof adapter.edit === 'function',
      typing: typeof adapter.typing === 'function',
      react: typeof adapter.react === 'function',
      sendFile: typeof adapter.sendFile === 'function',
      download: typeof adapter.download === 'function',
    }).toEqual({
      edit: capabilities.edit !== null,
      typing: capabilities.typing !== null,
      react: capabilities.reactions,
      sendFile: capabilities.files.outMax !== null,
      download: capabilities.files.inMax !== null,
    });
    expect(adapter.connector).toBeDefined();
    expect(adapter.hook).toBeUndefined();
    expect(channelCatalog.find(({ slug }) => slug === kind)!.connects).toEqual(['socket']);
  });

  it('knows that nothing went out while there is no connection', async () => {
    const connection = {
      credentials: adapter.credentials.parse(credentials),
      settings: adapter.settings.parse(settings),
      account: null,
    };
    const { fetch, lookup } = createGuardedFetch({ allow: [] });
    const context = { fetch, lookup, signal: AbortSignal.timeout(5_000), idempotencyKey: 'delivery:0' };
    const attempts = [
      adapter.send({ text: 'Hello' }, to, connection, context),
      adapter.edit?.({ text: 'Hello' }, { id: 'm1' }, to, connection, context),
      adapter.typing?.(to, connection, context),
      adapter.react?.('👍', to, connection, context),
    ];
    for (const attempt of attempts)
      if (attempt) await expect(attempt).rejects.toMatchObject({ name: 'ChannelError', kind: 'retry' });
  });

  it('refuses credentials and settings that are not its own', () => {
    for (const [schema, value] of [
      [adapter.credentials, credentials],
      [adapter.settings, settings],
    ] as const) {
      expect(schema.safeParse(value).success).toBe(true);
      for (const wrong of [null, 'text', [], { ...value, more: 1 }])
        expect(schema.safeParse(wrong).success).toBe(false);
    }
  });

  it('takes nothing into its settings that would be a command or another address', () => {
    const wrong: Record<string, object[]> = {
      irc: [
        { nick: 'a b' },
        { nick: 'a\r\nQUIT' },
        { nick: ':a' },
        { host: 'a/b' },
        { host: 'a b' },
        { channels: '#a\r\nQUIT' },
        { channels: 'a' },
        { channels: '#a b c' },
        { account: 'a b' },
        { port: 0 },
      ],
      xmpp: [
        { address: 'nightbot' },
        { address: 'a@b/c' },
        { address: 'a b@c' },
        { nick: 'a/b' },
        { nick: 'a\u0000' },
        { rooms: 'team' },
        { rooms: 'team@rooms.example a b' },
        { host: 'a/b' },
        { port: 70_000 },
      ],
    };
    for (const change of wrong[kind]!)
      expect([change, adapter.settings.safeParse({ ...settings, ...change }).success]).toEqual([
        change,
        false,
      ]);
  });
});
