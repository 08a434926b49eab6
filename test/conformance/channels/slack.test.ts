import { slack } from '@nightshift/channels/slack';
import { describe, expect, it } from 'vitest';
import {
  callback,
  channels,
  posted,
  signRequest,
  startFakeSlack,
  tokens,
} from '../../support/slack/index.ts';
import { describeChannel, type Peer } from './kit.ts';
import { malformed, recordings } from './slack-recordings.ts';

const thread_ts = '1735689600.000100';
const credentials = { botToken: tokens.bot, appToken: tokens.app, signingSecret: tokens.secret };

const fileAt = (url: string) => ({ name: 'plan.png', mediaType: 'image/png', bytes: null, source: { url } });

async function startPeer(): Promise<Peer> {
  const fake = await startFakeSlack();
  return {
    url: fake.origin,
    requests: () => fake.calls.length,
    shown: () =>
      fake.messages.map(({ text, channel, thread_ts }) => ({
        text,
        to: { channel, ...(thread_ts && { thread_ts }) },
      })),
    offer({ name, mediaType, data }) {
      fake.files.set('F0PIC', { name, data: Buffer.from(data), mediaType });
      return fileAt(`${fake.origin}/files-pri/F0PIC/${name}`);
    },
    elsewhere: fileAt,
    files: () => fake.messages.flatMap(({ files = [] }) => files),
    reactions: () => fake.messages.flatMap(({ reactions }) => reactions),
    react: (how) => fake.react(how),
    shut: () => fake.shut(),
    close: () => fake.close(),
  };
}

const refusal = (error: string, more: object = {}) => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ ok: false, error, ...more }),
});

const read = (event: object) =>
  slack.hook!.parse(signRequest(Buffer.from(JSON.stringify(callback(event))), Date.now()), {
    credentials: slack.credentials.parse(credentials),
    settings: slack.settings.parse({}),
    account: null,
  })[0]!;
const inRoom = { channel: channels.general, channel_type: 'channel' };

describeChannel('slack', {
  adapter: slack,
  examples: () => ({
    direct: read(posted('Hello')),
    room: read(posted('Hello', inRoom)),
    quote: read(posted('Why?', { ...inRoom, thread_ts, parent_user_id: 'U0BOB' })),
    forward: read(posted('', { attachments: [{ is_share: true, author_name: 'Bob', text: 'Wire it' }] })),
    unreadable: read(posted('', { blocks: [{ type: 'call' }] })),
    mentionOfOthers: read(posted('<@U0BOB> look', inRoom)),
  }),
  startPeer,
  connect: (url) => ({ credentials, settings: { mode: 'http', apiUrl: `${url}/api/` } }),
  to: { channel: channels.general, thread_ts },
  answering: ({ channel, ts }) => ({ channel: String(channel), ts: String(ts) }),
  meaning: [
    [refusal('channel_not_found'), { kind: 'rejected' }],
    [refusal('not_in_channel'), { kind: 'rejected' }],
    [refusal('is_archived'), { kind: 'rejected' }],
    [refusal('msg_too_long'), { kind: 'rejected' }],
    [refusal('messages_tab_disabled'), { kind: 'rejected' }],
    [refusal('something_new'), { kind: 'rejected', message: 'Slack refuses it. (something_new)' }],
    [refusal('invalid_auth'), { kind: 'auth' }],
    [refusal('token_revoked'), { kind: 'auth' }],
    [refusal('account_inactive'), { kind: 'auth' }],
    [
      refusal('missing_scope', { needed: 'chat:write', provided: 'commands' }),
      {
        kind: 'auth',
        message:
          'The app lacks a permission: write messages (chat:write). Add the scope under "OAuth & Permissions" of the app, and install it again.',
      },
    ],
    [refusal('ratelimited'), { kind: 'retry', pauses: 'thread' }],
    [
      { ...refusal('rate_limited'), headers: { 'retry-after': '3' } },
      { kind: 'retry', retryAfterMs: 3_000 },
    ],
    [refusal('service_unavailable'), { kind: 'retry' }],
    [refusal('internal_error'), { kind: 'ambiguous' }],
    [refusal('fatal_error'), { kind: 'ambiguous' }],
    [
      { status: 429, headers: { 'retry-after': '30' } },
      { kind: 'retry', pauses: 'thread' },
    ],
    [{ status: 429 }, { kind: 'retry' }],
    [{ status: 500 }, { kind: 'ambiguous' }],
    [{ status: 503 }, { kind: 'ambiguous' }],
    [{ status: 404 }, { kind: 'rejected' }],
    [{ status: 302, headers: { location: 'https://acme.slack.com/' } }, { kind: 'rejected' }],
    [{ status: 200, body: '<html>Sign in</html>' }, { kind: 'ambiguous' }],
    [{ status: 200, body: '{"ok":true}' }, { kind: 'ambiguous' }],
  ],
  hook: {
    sign: signRequest,
    signUnset: (body, at) => signRequest(body, at, ''),
    says: (text) => JSON.stringify(callback(posted(text))),
    authHeaders: ['x-slack-signature', 'x-slack-request-timestamp'],
    windowMs: 300_000,
    signsBody: true,
    otherCredentials: { botToken: tokens.bot, signingSecret: 'f'.repeat(32) },
    recordings,
    malformed,
  },
});

describe('what Slack hears', () => {
  const connection = {
    credentials: slack.credentials.parse(credentials),
    settings: slack.settings.parse({}),
    account: null,
  };
  const answer = (body: string) =>
    slack.hook!.answer!(signRequest(Buffer.from(body), Date.now()), connection);

  it('is the challenge, when it checks the address', () => {
    const { body } = recordings.find(({ name }) => name === 'the check of the address')!;
    expect(answer(body)).toEqual({
      status: 200,
      headers: { 'content-type': 'text/plain' },
      body: JSON.parse(body).challenge,
    });
  });

  it('is nothing otherwise', () => {
    for (const { name, body } of recordings)
      if (name !== 'the check of the address') expect(answer(body)).toEqual({ status: 200 });
  });

  it('is an error where there is no challenge', () => {
    expect(() => answer('{"type":"url_verification"}')).toThrow('no challenge');
  });
});

describe('who is who', () => {
  const parse = (body: string, account: { id: string; name: string } | null) =>
    slack.hook!.parse(signRequest(Buffer.from(body), Date.now()), {
      credentials: slack.credentials.parse(credentials),
      settings: slack.settings.parse({ command: '/agent' }),
      account,
    });
  const mention = JSON.parse(recordings.find(({ name }) => name === 'a mention, as message')!.body);

  it('knows itself by the last probe, too', () => {
    const body = JSON.stringify({ ...mention, authorizations: undefined });
    expect(parse(body, { id: 'U0BOT', name: 'bot' })).toMatchObject([{ addressed: true }]);
    expect(parse(body, null)).toMatchObject([{ addressed: false }]);
    const asMention = body.replace('"type":"message"', '"type":"app_mention"');
    expect(parse(asMention, null)).toMatchObject([{ addressed: true }]);
  });

  it('keeps a mention that is all that is said', () => {
    const body = JSON.stringify({ ...mention, event: { ...mention.event, text: '<@U0BOT>' } });
    expect(parse(body, null)).toMatchObject([{ addressed: true, text: '@U0BOT' }]);
  });

  it('takes the command that the settings name', () => {
    const { body } = recordings.find(({ name }) => name === 'the command in a room')!;
    const named = body.replace('%2Fnightshift', '%2Fagent');
    expect(parse(named, null)).toMatchObject([{ text: 'tell @bob & all' }]);
    expect(parse(body, null)).toMatchObject([{ text: '/nightshift tell @bob & all' }]);
  });
});
