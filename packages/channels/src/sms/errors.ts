/** What the errors of Twilio mean for what was sent, and what to do about them: https://www.twilio.com/docs/api/errors */
import { cutText } from '@nightshift/contracts';
import { trimEndOf } from '@nightshift/contracts/text';
import { z } from 'zod';
import { ChannelError, type ChannelErrorKind } from '../channel.ts';
import { parseAnswer, retryAfterMs } from '../http.ts';

interface Meaning {
  kind: ChannelErrorKind;
  words: string;
}

const token = 'the account SID or the auth token is refused. Copy both from the Twilio Console';
const sender =
  'the sender does not belong to this account, or cannot send messages. Check it in the Twilio Console';
const number = 'the number that it goes to is no mobile number that can be reached';

const meanings: Readonly<Record<number, Meaning>> = {
  20003: { kind: 'auth', words: token },
  20005: { kind: 'auth', words: 'the account is not active. The Twilio Console says why' },
  20404: {
    kind: 'auth',
    words: 'there is no such account or Messaging Service. Copy its SID from the Twilio Console',
  },
  21603: { kind: 'auth', words: sender },
  21606: { kind: 'auth', words: sender },
  21659: { kind: 'auth', words: sender },
  21660: { kind: 'auth', words: sender },
  21701: { kind: 'auth', words: 'there is no such Messaging Service. Copy its SID from the Twilio Console' },
  21703: { kind: 'auth', words: 'the Messaging Service has no sender. Add a number to its sender pool' },
  21712: { kind: 'auth', words: 'the Messaging Service has no sender. Add a number to its sender pool' },

  14107: { kind: 'retry', words: 'the account sends more messages a second than it may; it is tried again' },
  20429: { kind: 'retry', words: 'too many requests at once; it is tried again' },
  21611: {
    kind: 'retry',
    words: 'more messages wait for the number than it can send in ten hours; it is tried again',
  },
  63038: {
    kind: 'retry',
    words: 'the account has reached its limit of messages for the day; it is tried again',
  },

  21211: { kind: 'rejected', words: number },
  21217: { kind: 'rejected', words: number },
  21408: {
    kind: 'rejected',
    words:
      'the account may not send to that country. Allow it in the Twilio Console under Messaging → Settings → Geo permissions',
  },
  21608: {
    kind: 'rejected',
    words:
      'a trial account sends to verified numbers only. Verify this one in the Twilio Console, or upgrade',
  },
  21610: {
    kind: 'rejected',
    words: 'the person has replied STOP. They get messages again when they text START',
  },
  21612: { kind: 'rejected', words: 'this sender cannot reach that number; another one may' },
  21614: { kind: 'rejected', words: number },
  21617: { kind: 'rejected', words: 'it is longer than 1,600 characters' },
};

const Body = z.object({ code: z.number().nullish(), message: z.string().nullish() });

function meaningOf(status: number, code: number | null | undefined): Partial<Meaning> {
  if (code && meanings[code]) return meanings[code];
  if (status === 401 || status === 403) return { kind: 'auth', words: token };
  if (status === 429) return meanings[20429]!;
  // "The service is unavailable" before it has taken anything.
  if (status === 503) return { kind: 'retry' };
  return { kind: status >= 500 ? 'ambiguous' : 'rejected' };
}

/** `text`: the body of the answer. `secret` is kept out of the message. */
export function toFailure({ status, headers }: Response, text: string, secret: string): ChannelError {
  const { code, message } = Body.safeParse(parseAnswer(text)).data ?? {};
  const { kind = 'rejected', words } = meaningOf(status, code);
  const said = cutText((words ?? message ?? 'it does not say why').replaceAll(secret, '…'), 500);
  return new ChannelError(
    kind,
    `Twilio answered ${code ? `error ${code}` : status}: ${trimEndOf(said, ' .\n')}.`,
    { retryAfterMs: retryAfterMs(headers, Date.now()) },
  );
}

/** What keeps a message from a phone after Twilio has taken it. */
const undelivered: Readonly<Record<string, string>> = {
  30003: 'the phone is off, out of reach, or cannot get messages',
  30004: 'the person or their carrier blocks messages of this number',
  30005: 'the number is not in use, or not at this carrier',
  30006: 'it is a landline, or the carrier cannot be reached',
  30007: 'the carrier took it for spam',
  30008: 'the carrier does not say why',
  30034: 'the number is not registered for messages of programs in the USA (A2P 10DLC)',
};

/** Why Twilio could not deliver what it had taken. */
export const reasonOf = (code: string | undefined): string =>
  `It was not delivered: ${code ? `${undelivered[code] ?? 'Twilio has an error'} (${code})` : 'Twilio does not say why'}.`;
