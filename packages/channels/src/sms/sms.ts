/**
 * Text messages through Twilio: https://www.twilio.com/docs/messaging
 *
 * A conversation is with a phone number. Files come in as MMS where carriers have it; they cannot go out, since Twilio
 * fetches them from a public address instead of taking their bytes.
 */
import { z } from 'zod';
import { type ChannelAdapter, ChannelError } from '../channel.ts';
import { Credentials, isService, Settings } from './connection.ts';
import { parse } from './inbound.ts';
import { download, maxMediaBytes } from './media.ts';
import { probe } from './probe.ts';
import { accountUrl, callTwilio } from './rest.ts';
import { verify } from './verify.ts';

/** Most people would not read more of one answer on a phone, and none would pay for it gladly. */
const defaultMaxParts = 3;

const Sent = z.object({ sid: z.string(), num_segments: z.string().nullish() });

export const sms: ChannelAdapter<Credentials, Settings> = {
  kind: 'sms',
  capabilities: {
    dialect: 'plain',
    // Error 21617 is what longer ones get. A message is paid for by the segment, and carriers join ten reliably.
    limit: { max: 1_600, unit: 'utf16', segments: 10 },
    // Twilio names its own retries (I-Twilio-Idempotency-Token); for requests to it, it documents no such key.
    idempotentSend: false,
    edit: null,
    typing: null,
    // No rates: what comes faster than a number may send waits at Twilio, for up to ten hours (error 21611).
    threads: false,
    files: { inMax: maxMediaBytes, outMax: null },
    reactions: false,
    buttons: false,
  },
  credentials: Credentials,
  settings: Settings,
  ownIds: ({ settings }) => [settings.sender],
  maxParts: ({ maxParts = defaultMaxParts }) => maxParts,
  hook: {
    verify,
    parse,
    /** "No reply now": https://www.twilio.com/docs/messaging/twiml */
    answer: () => ({ status: 200, headers: { 'content-type': 'text/xml' }, body: '<Response></Response>' }),
  },

  async send({ text }, { to }, connection, context) {
    if (!to) throw new ChannelError('rejected', 'The address names no phone number.');
    const { sender } = connection.settings;
    const form = {
      To: to,
      ...(isService(sender) ? { MessagingServiceSid: sender } : { From: sender }),
      Body: text,
      // Curly quotes and long dashes would make a message up to twice as expensive.
      SmartEncoded: 'true',
    };
    const answer = await callTwilio(
      { url: `${accountUrl(connection)}/Messages.json`, form },
      connection,
      context,
    );
    const { data: sent } = Sent.safeParse(answer);
    // It went out, even when the answer does not say under which name.
    return sent ? { id: sent.sid, segments: Number(sent.num_segments ?? 0) } : {};
  },

  download,
  probe,
};
