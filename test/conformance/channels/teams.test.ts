import { teams } from '@nightshift/channels/teams';
import type { Reaction } from '../../support/channel/index.ts';
import {
  appId,
  appPassword,
  directId,
  posted,
  serviceUrl,
  signed,
  startFakeTeams,
  whispered,
} from '../../support/teams/index.ts';
import { describeChannel, type Peer } from './kit.ts';
import { recordings } from './teams-recordings.ts';

const fileAt = (url: string) => ({ name: 'plan.png', mediaType: 'image/png', bytes: null, source: { url } });

/** Signing in comes before, and is asked by tests of its own; only a refusal of the app is one of both. */
async function startPeer(): Promise<Peer> {
  const fake = await startFakeTeams();
  const isRefusal = (how: Reaction) => typeof how === 'object' && how.status === 401;
  const isConnector = (path: string) => path.includes('/v3/');
  let refused = 0;
  return {
    url: fake.url,
    requests: () => refused + fake.requests.filter(({ url }) => isConnector(url.pathname)).length,
    shown: () => fake.messages.map(({ text }) => ({ text })),
    offer({ data }) {
      fake.files.set('0-eus-d1', data);
      return fileAt(`${serviceUrl}v3/attachments/0-eus-d1/views/original`);
    },
    elsewhere: fileAt,
    react: (how) =>
      fake.react(({ url }) => {
        const reaction = how();
        if (isConnector(url.pathname)) return reaction;
        if (!isRefusal(reaction)) return undefined;
        refused += 1;
        return reaction;
      }),
    shut: () => fake.shut(),
    close: () => fake.close(),
  };
}

const failing = (status: number, code: string) => ({
  status,
  body: JSON.stringify({ error: { code, message: 'It failed' } }),
});

const read = (activity: object) =>
  teams.hook!.parse(
    { method: 'POST', url: '/', headers: {}, body: Buffer.from(JSON.stringify(activity)) },
    { credentials: { appId, appPassword }, settings: teams.settings.parse({}), account: null },
  )[0]!;

describeChannel('Microsoft Teams', {
  adapter: teams,
  examples: () => ({
    direct: read(whispered()),
    room: read(posted()),
    quote: read(
      whispered({
        text: 'Why?',
        entities: [{ type: 'quotedReply', quotedReply: { messageId: '1', preview: 'No.' } }],
      }),
    ),
    forward: 'Teams does not tell bots that a message was passed on.',
    unreadable: read(
      whispered({ text: '', attachments: [{ contentType: 'application/vnd.microsoft.card.audio' }] }),
    ),
    mentionOfOthers: read(
      posted({
        text: '<at>Alex</at> look',
        entities: [{ type: 'mention', mentioned: { id: '29:2', name: 'Alex' }, text: '<at>Alex</at>' }],
      }),
    ),
  }),
  startPeer,
  connect: (url) => ({ credentials: { appId, appPassword }, settings: { emulatorUrl: url } }),
  to: { serviceUrl, conversationId: directId, activityId: '1485983408511' },
  meaning: [
    [failing(401, 'BotNotRegistered'), { kind: 'auth' }],
    [failing(403, 'BotNotInConversationRoster'), { kind: 'rejected' }],
    [failing(403, 'ConversationBlockedByUser'), { kind: 'rejected' }],
    [failing(403, 'BotDisabledByAdmin'), { kind: 'rejected' }],
    [failing(404, 'ConversationNotFound'), { kind: 'rejected' }],
    [failing(400, 'BadSyntax'), { kind: 'rejected' }],
    [failing(413, 'MessageSizeTooBig'), { kind: 'rejected' }],
    [{ status: 413, body: '<html>' }, { kind: 'rejected' }],
    [failing(412, 'PreconditionFailed'), { kind: 'retry' }],
    [{ status: 502 }, { kind: 'retry' }],
    [{ status: 503 }, { kind: 'retry' }],
    [{ status: 504 }, { kind: 'ambiguous' }],
    [{ status: 500 }, { kind: 'ambiguous' }],
    [{ status: 200, body: 'no JSON' }, { kind: 'ambiguous' }],
    [{ status: 301, headers: { location: '/' } }, { kind: 'rejected' }],
    [
      { ...failing(429, 'Throttled'), headers: { 'retry-after': '3' } },
      { retryAfterMs: 3_000, pauses: 'thread' },
    ],
  ],
  hook: {
    sign: (body, at) => signed(body, at),
    signUnset: (body, at) => signed(body, at, { aud: '' }),
    says: (text) => JSON.stringify(whispered({ text, attachments: [] })),
    authHeaders: ['authorization'],
    windowMs: 300_000,
    signsBody: false,
    otherCredentials: {
      appId: 'c9e8c047-2a74-40a2-b28a-b162d5f5327c',
      appPassword: 'another.another.another',
    },
    recordings,
    malformed: [
      '{"type":"message"}',
      '{"type":"message","channelId":"slack","serviceUrl":"https://x.example","from":{"id":"1"}}',
      JSON.stringify({ type: 7, channelId: 'msteams' }),
    ],
  },
});
