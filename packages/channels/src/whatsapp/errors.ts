/**
 * What the errors of the Cloud API mean for what was sent, and what somebody can do about them.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
 */
import { cutText } from '@nightshift/contracts';
import { trimEndOf } from '@nightshift/contracts/text';
import { z } from 'zod';
import { ChannelError, type ChannelErrorKind } from '../channel.ts';
import { parseAnswer, retryAfterMs } from '../http.ts';

export interface Meaning {
  kind: ChannelErrorKind;
  words: string;
  pauses?: 'thread';
  /** Where Meta says how long, though not in the answer. */
  waitMs?: number;
}

const token =
  'the access token is refused: it expired or was withdrawn. Make a new one of a system user, which does not expire, and store it here';
const permission =
  'the access token may not do this. Its system user needs the WhatsApp account, and the permissions whatsapp_business_messaging and whatsapp_business_management';
const tooMany = 'the business account has made too many requests; it is tried again';

const meanings: Readonly<Record<number, Meaning>> = {
  0: { kind: 'auth', words: token },
  190: { kind: 'auth', words: token },
  3: { kind: 'auth', words: permission },
  10: { kind: 'auth', words: permission },
  131005: { kind: 'auth', words: permission },
  33: {
    kind: 'auth',
    words: 'the phone number was deleted, or the token may not see it. Check the phone number ID',
  },
  133010: {
    kind: 'auth',
    words: 'the phone number is not registered with the Cloud API. Register it in WhatsApp Manager',
  },
  131045: { kind: 'auth', words: 'the phone number has to be registered again. Do so in WhatsApp Manager' },
  131031: { kind: 'auth', words: 'Meta has locked the account. WhatsApp Manager says why' },
  368: {
    kind: 'auth',
    words: 'Meta has restricted the account for breaking its policies. WhatsApp Manager says why',
  },

  2: { kind: 'retry', words: 'the API is down or overloaded; it is tried again' },
  4: { kind: 'retry', words: 'the app has made too many requests; it is tried again' },
  80007: { kind: 'retry', words: tooMany },
  130429: { kind: 'retry', words: 'the number sends more messages a second than it may; it is tried again' },
  // https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits#pair-rate-limits
  131056: {
    kind: 'retry',
    words: 'too many messages to this person in a short time; it is tried again',
    pauses: 'thread',
    waitMs: 6_000,
  },
  131048: {
    kind: 'retry',
    words:
      'people have blocked or reported the number, so Meta lets it send less. WhatsApp Manager shows its quality',
  },
  131016: { kind: 'retry', words: 'the service is unavailable; it is tried again' },
  131057: { kind: 'retry', words: 'the account is under maintenance; it is tried again' },
  133004: { kind: 'retry', words: 'the server is unavailable; it is tried again' },

  131047: {
    kind: 'rejected',
    words:
      'more than 24 hours have passed since this person last wrote, and then WhatsApp takes templates only. Send an approved template from WhatsApp Manager, or wait until they write again',
  },
  131026: {
    kind: 'rejected',
    words:
      'it cannot be delivered: the number is not on WhatsApp, has an old app, has not accepted the terms, or has blocked you',
  },
  131030: {
    kind: 'rejected',
    words:
      "Meta's test number writes to listed people only. Add this person's number under API Setup, or use a number of your own",
  },
  131021: { kind: 'rejected', words: 'the number cannot write to itself' },
  131037: {
    kind: 'rejected',
    words: 'the number needs an approved display name first. See WhatsApp Manager',
  },
  131042: {
    kind: 'rejected',
    words: 'there is a problem with how the account pays. See its billing settings',
  },
  131050: { kind: 'rejected', words: 'this person does not want such messages' },
  131051: { kind: 'rejected', words: 'WhatsApp does not take this type of message here' },
  131053: {
    kind: 'rejected',
    words: 'WhatsApp could not take the file: its type, size or content is not supported',
  },
  131062: { kind: 'rejected', words: 'this cannot be sent to somebody who hides their phone number' },
  // "Something went wrong": whether it was sent is not said.
  1: { kind: 'ambiguous', words: 'the API failed for a reason that it does not know' },
  131000: { kind: 'ambiguous', words: 'WhatsApp failed for a reason that it does not know' },
};

const Body = z.object({
  error: z.object({
    code: z.number(),
    error_subcode: z.number().optional(),
    message: z.string().optional(),
    error_data: z.object({ details: z.string().optional() }).optional(),
  }),
});

/** "Object with ID … does not exist, cannot be loaded due to missing permissions": its code is that of any bad parameter. */
const unknownObject = 33;

function meaningOf(status: number, code: number | undefined): Partial<Meaning> {
  if (code !== undefined && meanings[code]) return meanings[code];
  if (code !== undefined && code >= 200 && code < 300) return { kind: 'auth', words: permission };
  if (status === 401) return { kind: 'auth', words: token };
  if (status === 403) return { kind: 'auth', words: permission };
  if (status === 429) return { kind: 'retry', words: tooMany };
  if (status === 503) return { kind: 'retry' };
  return { kind: status >= 500 ? 'ambiguous' : 'rejected' };
}

export interface FailureOptions {
  /** Kept out of the message: Meta repeats a token that it does not like. */
  secrets: readonly string[];
  /** What it means that there is no such object. Default: the phone number ID is wrong. */
  absent?: Meaning | undefined;
}

/** `text`: the body of the answer. */
export function toFailure(
  { status, headers }: Response,
  text: string,
  { secrets, absent = meanings[33]! }: FailureOptions,
): ChannelError {
  const error = Body.safeParse(parseAnswer(text)).data?.error;
  const isAbsent = error?.code === 100 && error.error_subcode === unknownObject;
  const { kind = 'rejected', words, pauses, waitMs } = isAbsent ? absent : meaningOf(status, error?.code);
  const said = words ?? error?.error_data?.details ?? error?.message ?? 'it does not say why';
  const message = `WhatsApp answered ${error ? `error ${error.code}` : status}: ${scrub(said, secrets)}.`;
  return new ChannelError(kind, message, {
    retryAfterMs: retryAfterMs(headers, Date.now()) ?? waitMs,
    ...(pauses && { pauses }),
  });
}

/** Why WhatsApp could not deliver what it had taken. */
export function reasonOf(
  error: {
    code?: number | undefined;
    title?: string | undefined;
    message?: string | undefined;
    error_data?: { details?: string | undefined } | undefined;
  } = {},
): string {
  const { code, title, message, error_data } = error;
  const words = code === undefined ? undefined : meanings[code]?.words;
  const said = words ?? error_data?.details ?? message ?? title ?? 'it does not say why';
  return `WhatsApp did not deliver it: ${scrub(said, [])}.`;
}

function scrub(text: string, secrets: readonly string[]): string {
  const cleaned = secrets.reduce((rest, secret) => (secret ? rest.replaceAll(secret, '…') : rest), text);
  return trimEndOf(cutText(cleaned, 500), ' .\n');
}
