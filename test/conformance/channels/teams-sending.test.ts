/** What leaves for Teams, and what comes back of it. */
import type { ChannelError } from '@nightshift/channels';
import { createTeams } from '@nightshift/channels/teams';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  appId,
  appPassword,
  directId,
  type FakeTeams,
  serviceUrl,
  startFakeTeams,
  tenantId,
  threadId,
} from '../../support/teams/index.ts';

const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });

let fake: FakeTeams;
let teams: ReturnType<typeof createTeams>;
beforeEach(async () => {
  fake = await startFakeTeams();
  teams = createTeams();
});
afterEach(() => fake.close());

const context = (more: object = {}) => ({
  fetch,
  signal: AbortSignal.timeout(5_000),
  idempotencyKey: 'delivery:0',
  hookUrl: 'https://nightshift.example/v1/hooks/key',
  maxBytes: 1_000,
  ...more,
});
const connection = (settings: object = {}, credentials: object = {}) => ({
  credentials: teams.credentials.parse({ appId, appPassword, ...credentials }),
  settings: teams.settings.parse({ emulatorUrl: fake.url, ...settings }),
  account: null,
});
const direct = { serviceUrl, conversationId: directId, activityId: '1485983408511' };
const send = (
  part: Parameters<typeof teams.send>[0] = { text: 'Hello' },
  to: Record<string, string> = direct,
) => teams.send(part, to, connection(), context());
const failureOf = (promise: Promise<unknown>): Promise<ChannelError> =>
  promise.then(
    () => expect.unreachable('It should have failed.'),
    (error) => error,
  );
const signIns = () => fake.requests.filter(({ url }) => url.pathname.endsWith('/token'));

describe('a message', () => {
  it('goes into its thread, in the region that it came from, as an answer', async () => {
    await send({ text: '<p>a &lt; b</p>' }, { ...direct, conversationId: threadId });
    expect(fake.messages).toMatchObject([
      { conversation: threadId, text: '<p>a &lt; b</p>', textFormat: 'xml', replyToId: '1485983408511' },
    ]);
    const { pathname } = fake.requests.at(-1)!.url;
    expect(pathname).toBe(`/amer/v3/conversations/${encodeURIComponent(threadId)}/activities`);
  });

  it('is one card when it has buttons, and shows exactly what it holds', async () => {
    const text =
      '<p>Run <strong>this</strong>:</p>\n<pre><code>rm -r &lt;dir&gt; &amp;&amp; [a](b) &#39;_x_&#39;</code></pre>\n<ul><li>one</li>\n<li>two <a href="https://x.example/?a=1&amp;b=2">here</a></li></ul>';
    const receipt = await send({ text, buttons: [{ label: 'Yes', value: 'approve:1' }] });
    const [{ content }] = fake.messages[0]!.attachments;
    const lines = content.body.map(({ inlines }: { inlines: { text: string }[] }) => inlines[0]!.text);
    expect(lines).toEqual([
      'Run this:',
      "rm -r <dir> && [a](b) '_x_'",
      '• one',
      '• two here (https://x.example/?a=1&b=2)',
    ]);
    expect(content.actions).toMatchObject([{ title: 'Yes', data: { nightshift: 'approve:1' } }]);
    await teams.edit!({ text: '<p>Done.</p>' }, receipt, direct, connection(), context());
    expect(fake.messages).toMatchObject([{ text: '<p>Done.</p>' }]);
    expect(fake.messages[0]).not.toHaveProperty('attachments');
  });

  it('is refused with more buttons than a card shows', async () => {
    const buttons = Array.from({ length: 7 }, (_, at) => ({ label: 'a', value: String(at) }));
    expect(await failureOf(send({ text: 'a', buttons }))).toMatchObject({ kind: 'rejected' });
  });

  it('fits with room to spare when it is as long as it may be, however it is written', async () => {
    await send({ text: '\u4e2d'.repeat(teams.capabilities.limit.max) });
    await send({ text: '"'.repeat(teams.capabilities.limit.max) });
    const failure = await failureOf(send({ text: 'x'.repeat(60_000) }));
    expect(failure).toMatchObject({ kind: 'rejected', message: expect.stringContaining('too large') });
  });

  it.each([
    ['BotNotInConversationRoster', 'add the app'],
    ['ConversationBlockedByUser', 'blocked'],
    ['BotDisabledByAdmin', 'administrator'],
  ])('says what to do about %s', async (code, words) => {
    fake.state.blocked[directId] = { status: 403, code };
    const { kind, message } = await failureOf(send());
    expect([kind, message]).toEqual(['rejected', expect.stringContaining(words)]);
  });

  it('is gone for an edit once somebody deleted it', async () => {
    const receipt = await send();
    fake.messages.length = 0;
    const edit = (of: typeof receipt) => teams.edit!({ text: 'b' }, of, direct, connection(), context());
    expect(await failureOf(edit(receipt))).toMatchObject({ kind: 'gone' });
    expect(await failureOf(edit({}))).toMatchObject({ kind: 'gone' });
  });

  it.each([
    { ...direct, serviceUrl: 'https://evil.example/' },
    { ...direct, serviceUrl: 'http://169.254.169.254/' },
    { conversationId: directId },
    { serviceUrl },
  ])('takes our token nowhere else: %o', async (to) => {
    expect(await failureOf(send({ text: 'a' }, to))).toMatchObject({ kind: 'rejected' });
    expect(fake.requests).toHaveLength(0);
  });
});

describe('the token', () => {
  it('is kept for as long as it lasts', async () => {
    await send();
    await send();
    await teams.typing!(direct, connection(), context());
    expect([signIns().length, fake.typing]).toEqual([1, [directId]]);
  });

  it('is of the tenant, or of all', async () => {
    await send();
    await teams.send({ text: 'a' }, direct, connection({ tenantId }), context());
    expect(signIns().map(({ url }) => url.pathname.split('/')[1])).toEqual(['botframework.com', tenantId]);
  });

  it('that is no longer taken is made anew at the next attempt; a new one that is not taken is a refusal', async () => {
    await send();
    fake.tokens.clear();
    expect(await failureOf(send())).toMatchObject({ kind: 'retry' });
    await send();
    expect(fake.messages).toHaveLength(2);
    fake.tokens.clear();
    fake.react(({ url }) => (url.pathname.includes('/v3/') ? { status: 401 } : undefined));
    expect(await failureOf(send())).toMatchObject({ kind: 'retry' });
    expect(await failureOf(send())).toMatchObject({ kind: 'auth' });
  });

  it.each<[string, () => Promise<unknown>, string]>([
    [
      'a wrong password',
      () =>
        teams.send(
          { text: 'a' },
          direct,
          connection({}, { appPassword: 'wrong.wrong.wrong.wrong' }),
          context(),
        ),
      '7000215',
    ],
    [
      'another app',
      () => teams.send({ text: 'a' }, direct, connection({}, { appId: tenantId }), context()),
      '700016',
    ],
    [
      'no such tenant',
      () => teams.send({ text: 'a' }, direct, connection({ tenantId: appId }), context()),
      '90002',
    ],
  ])('is refused for %s, in words', async (_what, attempt, code) => {
    expect(await failureOf(attempt())).toMatchObject({
      kind: 'auth',
      message: expect.stringContaining(code),
    });
    expect(fake.messages).toEqual([]);
  });

  it('that cannot be had means that nothing was sent', async () => {
    for (const reaction of [
      'drop',
      { status: 500 },
      { status: 429, headers: { 'retry-after': '9' } },
    ] as const) {
      fake.react(({ url }) => (url.pathname.endsWith('/token') ? reaction : undefined));
      expect(await failureOf(send())).toMatchObject({ kind: 'retry' });
    }
    expect(await failureOf(send())).toMatchObject({ retryAfterMs: 9_000 });
    expect(fake.messages).toEqual([]);
  });
});

describe('a file that came in', () => {
  const download = (url: string, more: object = {}) =>
    teams.download!(
      { name: 'a', mediaType: 'a/b', bytes: null, source: { url } },
      connection(),
      context(more),
    );

  it('is fetched from SharePoint without our token', async () => {
    fake.files.set('/personal/megan/download.aspx?tempauth=1', Buffer.from('bytes'));
    const { data, mediaType } = await download(`${fake.url}/personal/megan/download.aspx?tempauth=1`);
    expect([Buffer.from(data).toString(), mediaType]).toEqual(['bytes', 'application/pdf']);
    expect(signIns()).toHaveLength(0);
  });

  it('is fetched from the connector with it, where it is a picture in the text', async () => {
    fake.files.set('0-eus-d1', Buffer.from('picture'));
    const url = 'https://smba.trafficmanager.net/amer/v3/attachments/0-eus-d1/views/original';
    expect(Buffer.from((await download(url)).data).toString()).toBe('picture');
  });

  it('is no larger than it may be, and may be gone', async () => {
    fake.files.set('/personal/a', Buffer.alloc(1_001));
    expect(await failureOf(download(`${fake.url}/personal/a`))).toMatchObject({ kind: 'rejected' });
    expect(await failureOf(download(`${fake.url}/personal/b`))).toMatchObject({ kind: 'rejected' });
  });

  it.each([
    'https://evil.example/a',
    'https://contoso.sharepoint.com.evil.example/a',
    'https://smba.trafficmanager.net/amer/v3/conversations/a',
    'http://169.254.169.254/latest',
    'https://upload.wikimedia.org/a.png',
    '',
  ])('is not fetched from %s', async (url) => {
    expect(await failureOf(download(url))).toMatchObject({ kind: 'rejected' });
    expect(fake.requests).toHaveLength(0);
  });

  it("is fetched from Microsoft's own hosts only, where there is no emulator", async () => {
    const asking: string[] = [];
    const fetchNothing = async (url: string) => {
      asking.push(new URL(url).host);
      return new Response('');
    };
    const settings = teams.settings.parse({});
    for (const url of [
      'https://contoso-my.sharepoint.com/a',
      'http://contoso.sharepoint.com/a',
      'https://a.b.sharepoint.com/a',
      `${fake.url}/a`,
    ])
      await teams.download!(
        { name: 'a', mediaType: 'a/b', bytes: null, source: { url } },
        { ...connection(), settings },
        context({ fetch: fetchNothing }),
      ).catch(() => {});
    expect(asking).toEqual(['contoso-my.sharepoint.com']);
  });
});

describe('setting it up', () => {
  const probe = (hookUrl = 'https://nightshift.example/v1/hooks/key') =>
    teams.probe(connection(), context({ hookUrl }));

  it('says who it is, with a token of now', async () => {
    expect((await probe()).account).toEqual({ id: `28:${appId}`, name: 'Nightshift' });
    fake.state.password = 'changed.changed.changed';
    expect(await failureOf(probe())).toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('"Value"'),
    });
  });

  it.each([
    'http://nightshift.example/v1/hooks/key',
    'https://localhost/v1/hooks/key',
    'http://127.0.0.1:3000/v1/hooks/key',
  ])('says that Microsoft cannot reach %s', async (hookUrl) => {
    const { problems } = await probe(hookUrl);
    expect(problems).toEqual([
      { message: expect.stringContaining(hookUrl), fix: expect.stringContaining('PUBLIC_URL') },
    ]);
  });

  it('says when nothing could be believed', async () => {
    fake.react(({ url }) => (url.pathname.includes('.well-known') ? { status: 403 } : undefined));
    expect((await probe()).problems).toMatchObject([{ message: expect.stringContaining('keys') }]);
  });

  it.each([{ appId: 'nightshift' }, { appPassword: 'a secret with spaces in it' }, { appPassword: 'short' }])(
    'takes no credentials like %o',
    (wrong) => {
      expect(teams.credentials.safeParse({ appId, appPassword, ...wrong }).success).toBe(false);
    },
  );

  it.each([{ emulatorUrl: 'https://evil.example' }, { tenantId: 'contoso' }, { cloud: 'mine' }])(
    'takes no settings like %o',
    (wrong) => {
      expect(teams.settings.safeParse(wrong).success).toBe(false);
    },
  );
});
