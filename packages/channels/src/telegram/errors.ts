/**
 * What the Bot API means when it refuses, https://core.telegram.org/bots/api#making-requests. Its codes and texts are
 * "subject to change", so whatever is not known here is told as Telegram says it.
 */
import { cutText } from '@nightshift/contracts';
import { ChannelError, type ChannelErrorKind } from '../channel.ts';

/** `GrammyError` is one. */
export interface Refusal {
  readonly error_code: number;
  readonly description: string;
  /** https://core.telegram.org/bots/api#responseparameters */
  readonly parameters?: { readonly retry_after?: number; readonly migrate_to_chat_id?: number };
}

type Meaning = readonly [code: number, says: RegExp, kind: ChannelErrorKind, message: string];

/** The first that fits. The texts are those of https://github.com/tdlib/telegram-bot-api, Client.cpp. */
const meanings: readonly Meaning[] = [
  [400, /message to edit not found|message can't be edited/i, 'gone', 'The message can no longer be edited.'],
  [400, /MESSAGE_ID_INVALID|upgraded to a supergroup/i, 'gone', 'The message is no longer where it was.'],
  [400, /chat not found/i, 'rejected', 'Telegram does not know the chat, or the bot has never been in it.'],
  [400, /thread not found|TOPIC_(DELETED|CLOSED)/i, 'rejected', 'The topic was closed or deleted.'],
  [
    400,
    /not enough rights|CHAT_(WRITE|SEND)/i,
    'rejected',
    "The group's rules keep the bot from doing that.",
  ],
  [400, /REACTION_INVALID/i, 'rejected', 'Telegram has no such reaction, or the group does not allow it.'],
  [400, /file is too big/i, 'rejected', 'The file is larger than the 20 MB that bots may fetch.'],
  [401, /.*/, 'auth', 'Telegram refuses the bot token: it was revoked, or is not complete.'],
  [403, /blocked by the user/i, 'rejected', 'The person has blocked the bot.'],
  [403, /deactivated/i, 'rejected', 'The account no longer exists.'],
  [403, /kicked|not a member/i, 'rejected', 'The bot was removed from the group.'],
  [403, /initiate conversation/i, 'rejected', 'The person has to write to the bot first.'],
  // Of a method that exists: https://core.telegram.org/bots/api#authorizing-your-bot.
  [404, /.*/, 'auth', 'Telegram knows no bot with this token (or the address of the Bot API is wrong).'],
  [409, /webhook/i, 'retry', 'Another program has set a webhook for this bot, and gets its messages.'],
  [409, /.*/, 'retry', 'Another program gets the messages of this bot with the same token.'],
  [413, /.*/, 'rejected', 'It is larger than Telegram takes.'],
];

/** For the channel's team. `secrets` are kept out of what it says. */
export function refusalError(
  { error_code: code, description, parameters }: Refusal,
  secrets: readonly string[] = [],
): ChannelError {
  const said = cutText(
    secrets.reduce((text, secret) => text.replaceAll(secret, '…'), description),
    300,
  );
  const tell = (kind: ChannelErrorKind, message: string) =>
    new ChannelError(kind, `${message} (Telegram: ${said})`);

  if (code === 429) {
    // One message a second in a chat, twenty a minute in a group: it is the chat that has to wait.
    // https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
    const seconds = parameters?.retry_after;
    return new ChannelError('retry', `Telegram asks to wait. (Telegram: ${said})`, {
      pauses: 'thread',
      retryAfterMs: seconds === undefined ? undefined : Math.ceil(seconds * 1000),
    });
  }
  // "Request aborted", a restart, a gateway's timeout: the message may be out by then.
  if (code >= 500) return tell('ambiguous', 'Telegram had a failure of its own.');
  if (code < 400) return tell('retry', 'Telegram answered with a redirect.');
  const meaning = meanings.find(([known, says]) => known === code && says.test(description));
  return meaning ? tell(meaning[2], meaning[3]) : tell('rejected', 'Telegram refuses it.');
}

/** An edit to what the message says already is refused, though all is as it should be. */
export const isUnchanged = ({ description }: Refusal): boolean =>
  /message is not modified/i.test(description);
