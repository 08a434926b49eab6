/** What a server's refusals mean: https://modern.ircdocs.horse/#numerics, and of Solanum (Libera.Chat) 437, 477, 480, 707 and 716. */
import { ChannelError } from '../channel.ts';

const closed = 'The connection to the IRC server ended';

/** Why the server closed the connection, as its ERROR says it. https://modern.ircdocs.horse/#error-message */
export function closedFor(reason: string): ChannelError {
  if (/\b([kgzdx]-?lined|akill(ed)?|banned|glined)\b/i.test(reason))
    return new ChannelError(
      'auth',
      `The IRC network bans this server: "${reason}". Ask its operators, then resume this channel.`,
    );
  if (/\bpassword\b/i.test(reason))
    return new ChannelError('auth', `The IRC server refuses the server password: "${reason}".`);
  const hurried = /throttl|too (fast|many)|reconnect/i.test(reason);
  return new ChannelError('retry', `${closed}: "${reason}".`, hurried ? { retryAfterMs: 60_000 } : {});
}

export const brokenOff = (error: Error | undefined) =>
  new ChannelError('retry', error ? `${closed}: ${error.message}.` : `${closed}.`);

export const notConnected = () =>
  new ChannelError('retry', 'There is no connection to the IRC server at the moment.');

/** Numerics that refuse to let us in for good. */
const refusals: Readonly<Record<string, string>> = {
  '464': 'the server password is refused. Store the right one',
  '465': 'the network bans this server. Ask its operators',
  '463': 'the server takes no connections from here. Ask its operators',
  '432': 'it does not take this nick. Choose another one',
  '902': 'the account is locked. Ask the operators of the network',
  '904': 'the account or its password is refused. Check both, and store them again',
  '905': 'the password is too long for it',
};

/** @returns undefined where the numeric is no such refusal */
export function refusedEntry(numeric: string, said: string): ChannelError | undefined {
  const words = refusals[numeric];
  return words === undefined
    ? undefined
    : new ChannelError('auth', `The IRC server refuses us (${numeric} "${said}"): ${words}.`);
}

/** Numerics that answer a message, with what they name as their first parameter behind our nick. */
const undelivered: Readonly<Record<string, string>> = {
  '401': 'nobody of this name is there now',
  '403': 'there is no such channel',
  '404': 'it lets us not speak there. Ask an operator of the channel for voice (+v)',
  '407': 'the name means several targets',
  '408': 'the channel takes no formatted text',
  '415': 'it takes nothing to this target',
  '442': 'we are not in this channel',
  '477': 'it takes messages only from nicks that are registered. Set an account and its password',
  '486': 'this person takes messages only from nicks that are registered. Set an account and its password',
  '489': 'it takes no unencrypted messages',
  '492': 'this person takes no such messages',
  '531': 'this person takes no messages from us',
  '716': 'this person takes messages only from people on their list (+g)',
};

/** Sent too fast for the server; each of them stops only what goes to this target. */
const hurried = new Set(['263', '439', '707']);

/** @returns undefined where the numeric says nothing about a message */
export function refusedMessage(numeric: string, target: string, said: string): ChannelError | undefined {
  if (hurried.has(numeric))
    return new ChannelError('retry', `The IRC server asks to wait: "${said}".`, {
      retryAfterMs: 60_000,
      pauses: 'thread',
    });
  const words = undelivered[numeric];
  return words === undefined
    ? undefined
    : new ChannelError('rejected', `Not delivered to ${target} (${numeric} "${said}"): ${words}.`);
}

/** Numerics that answer JOIN. */
export const refusedJoins: Readonly<Record<string, string>> = {
  '403': 'there is no such channel',
  '405': 'we are in too many channels',
  '437': 'the channel is not available at the moment',
  '471': 'the channel is full',
  '473': 'the channel is only for invited people. Have an operator add an exception (+I)',
  '474': 'we are banned from the channel',
  '475': 'the key of the channel is wrong. Write it behind its name in the settings',
  '476': 'this is no name of a channel',
  '477': 'the channel is only for registered nicks. Set an account and its password',
  '480': 'the channel lets nobody in so fast',
  '489': 'the channel is only for encrypted connections',
};
