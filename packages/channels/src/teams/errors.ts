/**
 * What the connector's errors mean for what was sent, and what somebody can do about them.
 * https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/conversation-messages#status-codes-from-bot-conversational-apis
 */
import { z } from 'zod';
import { ChannelError, type ChannelErrorKind } from '../channel.ts';
import { parseAnswer, retryAfterMs } from '../http.ts';

const Body = z.object({ error: z.object({ code: z.string() }) });

interface Meaning {
  kind: ChannelErrorKind;
  words: string;
}

const meanings: Readonly<Record<string, Meaning>> = {
  BotNotInConversationRoster: {
    kind: 'rejected',
    words:
      'the bot is not in this conversation. In Teams, add the app to the chat or to the team: … , Manage apps',
  },
  ConversationBlockedByUser: { kind: 'rejected', words: 'this person has blocked the bot' },
  BotDisabledByAdmin: {
    kind: 'rejected',
    words:
      'an administrator has blocked the app. Ask them to allow it in the Teams admin center, Manage apps',
  },
  ConversationNotFound: { kind: 'rejected', words: 'the conversation no longer exists' },
  MessageSizeTooBig: { kind: 'rejected', words: 'it is too large for Teams' },
  ActivityNotFoundInConversation: { kind: 'gone', words: 'the message was deleted' },
  BotNotRegistered: {
    kind: 'auth',
    words: 'Microsoft knows no bot of this app ID. Make an Azure Bot for the app, or correct the app ID',
  },
};

const isWord = (text: string) => /^[A-Za-z]{1,60}$/.test(text);

function meaningOf(status: number): Partial<Meaning> & Pick<Meaning, 'kind'> {
  if (status === 401)
    return {
      kind: 'auth',
      words: 'the app is refused. Check the app ID, its tenant and that its Azure Bot has Teams as a channel',
    };
  if (status === 413) return { kind: 'rejected', words: 'it is too large for Teams' };
  // "412, 502 and 504 must also be retried": https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit.
  // Behind the last one the message may well be there, and it would be there twice.
  if (status === 412 || status === 502 || status === 503) return { kind: 'retry' };
  return { kind: status >= 500 ? 'ambiguous' : 'rejected' };
}

/** `text`: the body of the answer, of which the message holds no more than a code. `absent`: what a 404 means. */
export function toFailure(
  { status, headers }: Response,
  text: string,
  absent: ChannelErrorKind,
): ChannelError {
  const code = Body.safeParse(parseAnswer(text)).data?.error.code ?? '';
  const answered = `Teams answered ${status}${isWord(code) ? ` ${code}` : ''}`;
  if (status === 429)
    return new ChannelError('retry', `${answered}: too many requests.`, {
      retryAfterMs: retryAfterMs(headers, Date.now()),
      // Bots have seven messages a second in one conversation, and many more in all.
      pauses: 'thread',
    });
  const known = Object.hasOwn(meanings, code) ? meanings[code]! : undefined;
  if (status === 404 && (!known || absent === 'gone'))
    return new ChannelError(absent, `${answered}: there is no such message, or conversation.`);
  const { kind, words = 'it does not say why' } = known ?? meaningOf(status);
  return new ChannelError(kind, `${answered}: ${words}.`);
}
