import { discord } from '@nightshift/channels/discord';
import type { InboundEvent } from '@nightshift/contracts';
import { vi } from 'vitest';
import {
  botToken,
  guildId,
  otherBot,
  posted,
  roomId,
  startFakeDiscord,
  whispered,
} from '../../support/discord/index.ts';
import { run } from './discord-connection.ts';
import { describeChannel, type Peer } from './kit.ts';

const fileAt = (url: string) => ({ name: 'plan.png', mediaType: 'image/png', bytes: null, source: { url } });

async function startPeer(): Promise<Peer> {
  const fake = await startFakeDiscord();
  // Before that there is what the kit's address answers to.
  const asked = fake.messages.length;
  return {
    url: fake.url,
    requests: () => fake.requests.length,
    shown: () => fake.messages.slice(asked).map(({ content: text }) => ({ text })),
    offer({ data }) {
      fake.files.set('/attachments/1/2/plan.png', data);
      return fileAt(`${fake.url}/attachments/1/2/plan.png`);
    },
    elsewhere: fileAt,
    files: () =>
      fake.messages
        .flatMap(({ attachments }) => attachments)
        .map(({ filename, bytes }) => ({ name: filename, data: Buffer.from(bytes, 'base64') })),
    reactions: () => fake.reactions,
    react: (how) => fake.react(how),
    shut: () => fake.shut(),
    close: () => fake.close(),
  };
}

const failing = (status: number, code: number) => ({
  status,
  body: JSON.stringify({ message: 'It failed', code }),
});
const limited = (seconds: number, global: boolean, headers: Record<string, string> = {}) => ({
  status: 429,
  headers: { 'retry-after': String(Math.ceil(seconds)), ...headers },
  body: JSON.stringify({ message: 'You are being rate limited.', retry_after: seconds, global }),
});

let examples: Promise<InboundEvent[]> | undefined;

/** As the gateway dispatches them. */
async function dispatched(messages: readonly object[]): Promise<InboundEvent[]> {
  const fake = await startFakeDiscord();
  const connected = run(fake);
  await vi.waitUntil(() => connected.cursors.length > 0, 60_000);
  for (const message of messages) fake.gateway.dispatch('MESSAGE_CREATE', message);
  await vi.waitUntil(() => connected.committed.length === messages.length, 60_000);
  await connected.stop();
  await fake.close();
  return connected.committed;
}

async function readExamples() {
  examples ??= dispatched([
    whispered(),
    posted(),
    posted({ type: 19, message_reference: { type: 0 }, referenced_message: posted({ content: 'No.' }) }),
    whispered({
      content: '',
      message_reference: { type: 1 },
      message_snapshots: [{ message: { content: 'Wire 500 EUR.' } }],
    }),
    whispered({ content: '', poll: { question: { text: 'When?' }, answers: [] } }),
    posted({ content: `<@${otherBot.id}> look`, mentions: [otherBot] }),
  ]);
  const [direct, room, quote, forward, unreadable, mentionOfOthers] = await examples;
  return {
    ...{ direct: direct!, room: room!, quote: quote!, forward: forward! },
    ...{ unreadable: unreadable!, mentionOfOthers: mentionOfOthers! },
  };
}

describeChannel('Discord', {
  adapter: discord,
  examples: readExamples,
  startPeer,
  connect: (url) => ({ credentials: { botToken }, settings: { apiUrl: `${url}/api/v10` } }),
  to: { channelId: roomId, guildId, messageId: '1170481735862157300' },
  answering: ({ channelId, messageId }) => ({ channelId: String(channelId), messageId: String(messageId) }),
  meaning: [
    [failing(401, 0), { kind: 'auth' }],
    [failing(401, 50014), { kind: 'auth' }],
    [failing(403, 50001), { kind: 'rejected' }],
    [failing(403, 50013), { kind: 'rejected' }],
    [failing(403, 50007), { kind: 'rejected' }],
    [failing(404, 10003), { kind: 'rejected' }],
    [failing(400, 50035), { kind: 'rejected' }],
    [failing(413, 40005), { kind: 'rejected' }],
    [failing(503, 130000), { kind: 'retry' }],
    [{ status: 301, headers: { location: '/' } }, { kind: 'rejected' }],
    [{ status: 500 }, { kind: 'ambiguous' }],
    [{ status: 502, body: '<html>' }, { kind: 'ambiguous' }],
    [{ status: 200, body: 'no JSON' }, { kind: 'ambiguous' }],
    [limited(0.5, false), { kind: 'retry', retryAfterMs: 500, pauses: 'thread' }],
    [limited(0.5, false, { 'x-ratelimit-scope': 'shared' }), { kind: 'retry', pauses: 'thread' }],
    [limited(64.57, true, { 'x-ratelimit-scope': 'global' }), { retryAfterMs: 64_570, pauses: 'channel' }],
    [
      { status: 429, headers: { 'retry-after': '60' }, body: '<html>banned' },
      { kind: 'retry', pauses: 'channel' },
    ],
  ],
});
