/** What the kit does not ask of every channel: buttons, reactions, files, and what people are told when set-up is wrong. */
import { randomBytes } from 'node:crypto';
import type { ChannelError } from '@nightshift/channels';
import { scopes, slack } from '@nightshift/channels/slack';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { channels, type FakeSlack, newTs, startFakeSlack, tokens } from '../../support/slack/index.ts';

const thread_ts = '1735689600.000100';
const inThread = { channel: channels.general, thread_ts };

let fake: FakeSlack;
beforeEach(async () => {
  fake = await startFakeSlack();
});
afterEach(() => fake.close());

const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });
const context = () => ({
  fetch,
  signal: AbortSignal.timeout(10_000),
  idempotencyKey: 'delivery:0',
  hookUrl: 'https://nightshift.example/v1/hooks/key',
  maxBytes: 1_000_000,
});
const connection = (settings: object = {}, credentials: object = {}) => ({
  credentials: slack.credentials.parse({ botToken: tokens.bot, appToken: tokens.app, ...credentials }),
  settings: slack.settings.parse({ apiUrl: fake.url, ...settings }),
  account: null,
});
const failureOf = (promise: Promise<unknown>): Promise<ChannelError> =>
  promise.then(
    () => Promise.reject(new Error('It did not fail.')),
    (error) => error,
  );

describe('messages', () => {
  it('calls nobody, whatever the text is', async () => {
    const text = '<!channel> <@U0ANN> <!subteam^S1|@devs> &lt;!here&gt; @here <https://example.com|fine>';
    await slack.send({ text, buttons: [{ label: 'Yes', value: 'yes' }] }, inThread, connection(), context());
    expect(fake.messages[0]?.text).toBe(
      '&lt;!channel> &lt;@U0ANN> &lt;!subteam^S1|@devs> &lt;!here&gt; @here <https://example.com|fine>',
    );
    expect(JSON.stringify(fake.messages[0]?.blocks)).not.toMatch(/<[!@]/);
  });

  it('goes to the flow of a direct conversation, and to the thread of a room', async () => {
    await slack.send({ text: 'a' }, { channel: channels.direct, ts: thread_ts }, connection(), context());
    await slack.send({ text: 'b' }, { ...inThread, ts: newTs() }, connection(), context());
    expect(fake.messages).toMatchObject([{ channel: channels.direct }, inThread]);
    expect(fake.messages[0]).not.toHaveProperty('thread_ts');
  });

  it('shows the whole of a long text over its buttons, and takes them away with an edit', async () => {
    const text = `${'x'.repeat(2_990)}\n${'😀'.repeat(500)}`;
    const buttons = Array.from({ length: 30 }, (_, at) => ({ label: `${at} `.repeat(40), value: `v${at}` }));
    const receipt = await slack.send({ text, buttons }, inThread, connection(), context());
    const blocks = fake.messages[0]!.blocks!;
    const sections = blocks.filter(({ type }) => type === 'section').map((block) => block.text.text);
    expect(sections.join('\n')).toBe(text);
    const pressed = blocks.flatMap(({ elements = [] }) => elements).map(({ value }) => value);
    expect(pressed).toEqual(buttons.map(({ value }) => value));

    await slack.edit!({ text: 'Done' }, receipt, inThread, connection(), context());
    expect(fake.messages).toMatchObject([{ text: 'Done' }]);
    expect(fake.messages[0]).not.toHaveProperty('blocks');
  });

  it('cuts a text without lines between characters', async () => {
    const text = `x${'😀'.repeat(1_900)}`;
    await slack.send({ text, buttons: [{ label: 'Yes', value: 'yes' }] }, inThread, connection(), context());
    const sections = fake.messages[0]!.blocks!.filter(({ type }) => type === 'section');
    expect(sections).toHaveLength(2);
    for (const section of sections) expect(section.text.text.isWellFormed()).toBe(true);
  });

  it('knows that a message is gone, and that others may not be edited so fast', async () => {
    const sent = { channel: channels.general, ts: newTs() };
    const edit = () => failureOf(slack.edit!({ text: 'a' }, sent, inThread, connection(), context()));
    expect(await edit()).toMatchObject({ kind: 'gone' });
    fake.react(() => ({ status: 429, headers: { 'retry-after': '2' } }));
    expect(await edit()).toMatchObject({ kind: 'retry', retryAfterMs: 2_000, pauses: 'channel' });
  });

  it('gives up as soon as it is told to', async () => {
    fake.react(() => 'hang');
    const signal = AbortSignal.timeout(100);
    const error = await failureOf(
      slack.send({ text: 'a' }, inThread, connection(), { ...context(), signal }),
    );
    expect(error).toMatchObject({ kind: 'ambiguous' });
  });

  it.each([
    [channels.elsewhere, 'not in the channel. Invite it there: /invite (not_in_channel)'],
    [channels.old, 'archived. (is_archived)'],
    ['C0NOWHERE', 'Slack finds no such channel'],
  ])('says what is wrong with %s', async (channel, words) => {
    const error = await failureOf(slack.send({ text: 'a' }, { channel }, connection(), context()));
    expect(error).toMatchObject({ kind: 'rejected', message: expect.stringContaining(words) });
  });
});

describe('typing and reactions', () => {
  it('shows that it is writing under threads, and elsewhere nothing', async () => {
    await slack.typing!(inThread, connection(), context());
    expect(fake.statuses.get(thread_ts)).toBe('is thinking…');
    await slack.typing!({ channel: channels.direct }, connection(), context());
    expect(fake.calls).toHaveLength(1);
  });

  it('reacts to a message, and once more is no error', async () => {
    const { channel, ts } = await slack.send({ text: 'a' }, inThread, connection(), context());
    const to = { channel: String(channel), ts: String(ts) };
    for (const emoji of ['👀', ':tada:', '👀', '⚠️']) await slack.react!(emoji, to, connection(), context());
    expect(fake.messages[0]?.reactions).toEqual(['eyes', 'tada', 'warning']);
  });

  it('does not react with what has no name, or to nothing', async () => {
    const to = { channel: channels.general, ts: newTs() };
    expect(await failureOf(slack.react!('🦤', to, connection(), context()))).toMatchObject({
      kind: 'rejected',
    });
    expect(
      await failureOf(slack.react!('👀', { channel: channels.general }, connection(), context())),
    ).toMatchObject({ kind: 'rejected' });
    expect(fake.calls).toEqual([]);
  });

  it('may lack the permission, without the channel being out of order', async () => {
    fake.granted = ['chat:write'];
    const to = { channel: channels.general, ts: newTs() };
    expect(await failureOf(slack.react!('👀', to, connection(), context()))).toMatchObject({
      kind: 'rejected',
      message: expect.stringContaining('react with emoji (reactions:write)'),
    });
  });
});

describe('files that go out', () => {
  const data = randomBytes(10_000);
  const file = { name: 'Übersicht.pdf', mediaType: 'application/pdf', data };
  const sendFile = (more: object = {}) =>
    slack.sendFile!({ ...file, ...more }, inThread, connection(), context());

  it('arrive in the thread, byte for byte', async () => {
    expect(await sendFile()).toMatchObject({ channel: channels.general });
    expect(fake.messages).toMatchObject([{ ...inThread, files: [{ name: 'Übersicht.pdf' }] }]);
    expect(fake.messages[0]?.files?.[0]?.data.equals(data)).toBe(true);
  });

  it.each([
    ['files.getUploadURLExternal', 'retry'],
    ['/upload/v1/F0UPLOAD0', 'retry'],
    ['files.completeUploadExternal', 'ambiguous'],
  ])('where %s breaks off: %s', async (broken, kind) => {
    fake.react((path) => (path === broken ? 'drop' : undefined));
    expect(await failureOf(sendFile())).toMatchObject({ kind });
    expect(fake.calls.at(-1)).toBe(broken);
  });

  it('are refused when they are empty, or may not be sent', async () => {
    expect(await failureOf(sendFile({ data: new Uint8Array() }))).toMatchObject({ kind: 'rejected' });
    expect(fake.calls).toEqual([]);
    fake.granted = ['chat:write'];
    expect(await failureOf(sendFile())).toMatchObject({
      kind: 'rejected',
      message: expect.stringContaining('send files (files:write)'),
    });
  });

  it('go to no other host than that of Slack’s files', async () => {
    fake.react((path) =>
      path === 'files.getUploadURLExternal'
        ? { status: 200, body: '{"ok":true,"upload_url":"http://localhost:1/upload","file_id":"F1"}' }
        : undefined,
    );
    expect(await failureOf(sendFile())).toMatchObject({ kind: 'rejected' });
    expect(fake.calls).toHaveLength(1);
  });
});

describe('files that come in', () => {
  const data = randomBytes(5_000);
  const attachment = (source: object, mediaType = 'image/png') => ({
    name: 'a.png',
    mediaType,
    bytes: data.length,
    source: source as Record<string, string>,
  });
  const download = (source: object, more: object = {}, settings: object = {}) =>
    slack.download!(attachment(source), connection(settings), { ...context(), ...more });
  const url = () => `${fake.origin}/files-pri/F0PIC/a.png`;
  beforeEach(() => fake.files.set('F0PIC', { name: 'a.png', data, mediaType: 'image/png' }));

  it('are fetched with the token, by their address or their id', async () => {
    for (const source of [{ file: 'F0PIC', url: url() }, { file: 'F0PIC' }]) {
      const found = await download(source);
      expect(found.mediaType).toBe('image/png');
      expect(data.equals(found.data)).toBe(true);
    }
  });

  it('are refused when they are too large, or gone', async () => {
    expect(await failureOf(download({ url: url() }, { maxBytes: 4_999 }))).toMatchObject({
      kind: 'rejected',
    });
    fake.files.clear();
    for (const source of [{ url: url() }, { file: 'F0PIC' }])
      expect(await failureOf(download(source))).toMatchObject({
        kind: 'rejected',
        message: expect.stringContaining('no longer there'),
      });
  });

  it('say which permission is missing, as Slack itself does not', async () => {
    fake.granted = ['chat:write'];
    const expected = { kind: 'rejected', message: expect.stringContaining('files:read') };
    expect(await failureOf(download({ url: url() }))).toMatchObject(expected);
    fake.react(() => ({
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8' },
      body: '<html>',
    }));
    expect(await failureOf(download({ url: url() }))).toMatchObject(expected);
  });

  it.each([
    'https://files.slack.com.evil.example/files-pri/a',
    'https://evil.example/files.slack.com/a',
    'https://files.slack.com@evil.example/a',
    'http://files.slack.com/files-pri/a',
    'https://files.slack.com:8443/a',
    'https://slack-files.com/a',
    'http://169.254.169.254/latest',
    'file:///etc/passwd',
    'nonsense',
  ])('never show the token to %s', async (elsewhere) => {
    const asked: string[] = [];
    const settings = { apiUrl: 'https://slack.com/api/' };
    const spy = async (to: string) => {
      asked.push(to);
      return new Response('');
    };
    expect(await failureOf(download({ url: elsewhere }, { fetch: spy }, settings))).toMatchObject({
      kind: 'rejected',
    });
    expect(asked).toEqual([]);
    await download({ url: 'https://files.slack.com/files-pri/T-F/a.png' }, { fetch: spy }, settings);
    expect(asked).toHaveLength(1);
  });
});

describe('what a test of the channel says', () => {
  const probe = (settings: object = {}, credentials: object = {}, more: object = {}) =>
    slack.probe(connection(settings, credentials), { ...context(), ...more });

  it('is who it is there, by either way in', async () => {
    const account = { id: 'U0BOT', name: '@nightshift in Acme' };
    expect(await probe()).toEqual({ account, problems: [] });
    expect(await probe({ mode: 'http' }, { signingSecret: tokens.secret })).toEqual({
      account,
      problems: [],
    });
  });

  it('names each permission that is missing, and where to add it', async () => {
    fake.granted = Object.keys(scopes).filter((scope) => !scope.startsWith('files:'));
    const { problems } = await probe();
    expect(problems).toMatchObject([
      {
        message: 'The app may not read files that people send (files:read) or send files (files:write).',
        fix: expect.stringContaining('add files:read, files:write to "Bot Token Scopes"'),
      },
    ]);
  });

  it('is that Socket Mode lacks its token, or has a wrong one', async () => {
    expect((await probe({}, { appToken: undefined })).problems).toMatchObject([
      { message: 'There is no app-level token, so no messages come in.' },
    ]);
    expect((await probe({}, { appToken: 'xapp-1-other' })).problems).toMatchObject([
      {
        message: expect.stringContaining('(invalid_auth)'),
        fix: expect.stringContaining('connections:write'),
      },
    ]);
  });

  it('is that HTTP lacks its secret, or a public address', async () => {
    const { problems } = await probe({ mode: 'http' }, {}, { hookUrl: 'http://localhost:3000/v1/hooks/key' });
    expect(problems).toMatchObject([
      { message: expect.stringContaining('no signing secret') },
      { fix: expect.stringContaining('PUBLIC_URL') },
    ]);
  });

  it('is an error when the token is refused, and when nobody answers', async () => {
    expect(await failureOf(probe({}, { botToken: 'xoxb-2-other' }))).toMatchObject({ kind: 'auth' });
    fake.react((path) => (path === 'apps.connections.open' ? { status: 500 } : undefined));
    expect(await failureOf(probe())).toMatchObject({ kind: 'ambiguous' });
  });
});

describe('what is stored of a connection', () => {
  it.each([
    'https://slack.com.evil.example/api/',
    'https://evil.example/api/',
    'http://slack.com/api/',
    'https://files.slack.com/api/',
    'ftp://slack.com/api/',
    'slack.com',
  ])('never sends the token to %s', (apiUrl) => {
    expect(slack.settings.safeParse({ apiUrl }).success).toBe(false);
  });

  it('takes tokens with what was copied around them, and no others', () => {
    expect(slack.credentials.parse({ botToken: ' xoxb-1-a\n' })).toEqual({ botToken: 'xoxb-1-a' });
    for (const botToken of ['xapp-1-a', 'xoxp-1-a', 'xoxb-1 a', ''])
      expect(slack.credentials.safeParse({ botToken }).success).toBe(false);
    expect(slack.settings.safeParse({ apiUrl: 'https://slack-gov.com/api/', command: 'night' }).success).toBe(
      false,
    );
  });
});
