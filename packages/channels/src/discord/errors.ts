/**
 * What Discord's errors mean for what was sent, and what somebody can do about them.
 * https://docs.discord.com/developers/topics/opcodes-and-status-codes
 */
import { cutText } from '@nightshift/contracts';
import { z } from 'zod';
import { ChannelError, type ChannelErrorKind } from '../channel.ts';
import { parseAnswer, retryAfterMs } from '../http.ts';

interface Meaning {
  kind: ChannelErrorKind;
  words: string;
}

const token =
  'the bot token is refused. Make a new one on the page "Bot" of the Discord Developer Portal (Reset Token) and store it here';

/** Of the JSON error codes, those that somebody can do something about. */
const meanings: Readonly<Record<number, Meaning>> = {
  40001: { kind: 'auth', words: token },
  50014: { kind: 'auth', words: token },
  40002: {
    kind: 'auth',
    words: 'Discord wants the account of the bot to be verified first. The Developer Portal says how',
  },

  10003: { kind: 'rejected', words: 'the channel was deleted, or the bot is no longer in its server' },
  10004: { kind: 'rejected', words: 'the bot is no longer in this server. Invite it again' },
  10008: { kind: 'gone', words: 'the message was deleted' },
  50001: {
    kind: 'rejected',
    words:
      'the bot may not see this channel. In Discord, open the channel\'s settings, Permissions, add the bot, and allow "View Channel"; a private thread needs it as a member',
  },
  50013: {
    kind: 'rejected',
    words:
      'the bot lacks a permission here. In the channel\'s settings, Permissions, allow it "Send Messages", "Send Messages in Threads", "Read Message History", "Attach Files" and "Add Reactions"',
  },
  160002: {
    kind: 'rejected',
    words:
      'the bot may not answer to messages here. In the channel\'s settings, Permissions, allow it "Read Message History"',
  },
  50007: {
    kind: 'rejected',
    words:
      'this person takes no direct messages from the bot: they blocked it, or share no server with it, or allow none',
  },
  50278: { kind: 'rejected', words: 'this person is in no server with the bot any more' },
  40005: { kind: 'rejected', words: 'it is too large for Discord' },
  50006: { kind: 'rejected', words: 'the message is empty' },
  50083: { kind: 'rejected', words: 'the thread is archived' },
  160005: { kind: 'rejected', words: 'the thread is locked' },
  200000: { kind: 'rejected', words: 'the rules of the server (AutoMod) blocked the message' },
  30046: { kind: 'retry', words: 'a message older than an hour was edited too often; it is tried again' },
  130000: { kind: 'retry', words: 'Discord is overloaded; it is tried again' },
};

const Body = z.object({ code: z.number().optional(), message: z.string().optional() });
const Limited = z.object({ retry_after: z.number().nonnegative(), global: z.boolean().default(false) });

function meaningOf(status: number, code: number | undefined): Partial<Meaning> & Pick<Meaning, 'kind'> {
  if (code !== undefined && meanings[code]) return meanings[code];
  if (status === 401) return { kind: 'auth', words: token };
  if (status === 403)
    return { kind: 'rejected', ...(code === undefined && { words: 'the request was blocked' }) };
  // Also after the message was made: the API answers for several machines behind it.
  return { kind: status >= 500 ? 'ambiguous' : 'rejected' };
}

/** `text`: the body of the answer. The message holds neither it nor the secret. */
export function toFailure(response: Response, text: string, secret: string): ChannelError {
  const { status } = response;
  const json = parseAnswer(text);
  if (status === 429) return tooMany(response, json);
  const { code, message } = Body.safeParse(json).data ?? {};
  const { kind, words } = meaningOf(status, code);
  const said =
    words ??
    (message === undefined ? undefined : cutText(message.replaceAll(secret, '…'), 200)) ??
    'it does not say why';
  return new ChannelError(kind, `Discord answered ${code ? `error ${code}` : status}: ${said}.`);
}

/**
 * A route's limit counts for one channel; a global one for everything, and so does a ban, which has no JSON.
 * https://docs.discord.com/developers/topics/rate-limits#exceeding-a-rate-limit
 */
function tooMany({ headers }: Response, json: unknown): ChannelError {
  const limited = Limited.safeParse(json).data;
  const isGlobal = !limited || limited.global || headers.get('x-ratelimit-scope') === 'global';
  return new ChannelError('retry', 'Discord asks to wait: too many requests.', {
    retryAfterMs: limited ? Math.ceil(limited.retry_after * 1000) : retryAfterMs(headers, Date.now()),
    pauses: isGlobal ? 'channel' : 'thread',
  });
}

/**
 * Why the gateway closed the socket, where connecting again is of no use:
 * https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
 */
export const finalCloses: Readonly<Record<number, string>> = {
  4004: `Discord closed the connection (4004): ${token}.`,
  4010: 'Discord closed the connection (4010): it knows no such shard. This is a defect of this program.',
  4011: 'Discord closed the connection (4011): the bot is in more than 2,500 servers, which this program does not divide among connections.',
  4012: 'Discord closed the connection (4012): it no longer speaks this version of the gateway. Update this program.',
  4013: 'Discord closed the connection (4013): it does not know one of the intents. This is a defect of this program.',
  4014: 'Discord closed the connection (4014): the bot may not read messages. On the page "Bot" of the Discord Developer Portal turn on "Message Content Intent", save, and resume this channel.',
};
