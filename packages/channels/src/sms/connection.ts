/** What is stored of a connection to Twilio. */

import { WebhookUrl } from '@nightshift/contracts';
import { trimEndOf } from '@nightshift/contracts/text';
import { z } from 'zod';
import type { Connection } from '../channel.ts';

export const Credentials = z.strictObject({
  /** It opens the API and signs what Twilio sends. An API key could do the first only. */
  authToken: z.string().regex(/^[\x21-\x7e]{16,200}$/, 'It is one word of 32 characters.'),
});

export const Settings = z.strictObject({
  accountSid: z.string().regex(/^AC[0-9a-f]{32}$/, 'It begins with AC and has 34 characters.'),
  /** The number that sends, or the Messaging Service that chooses one. */
  sender: z
    .string()
    .regex(
      /^(\+[1-9]\d{6,14}|\d{3,8}|MG[0-9a-f]{32})$/,
      'A number as in +15551234567, a short code, or a Messaging Service SID that begins with MG.',
    ),
  /** Most messages of one answer. Each is paid for, and is up to ten segments. Default: 3. */
  maxParts: z.int('It is a whole number.').min(1).max(20).optional(),
  /** Of another region, for an account that is kept there: https://www.twilio.com/docs/global-infrastructure/using-the-twilio-rest-api-in-a-non-us-region */
  apiUrl: WebhookUrl.overwrite((url) => trimEndOf(url, '/')).default('https://api.twilio.com'),
});

export type Credentials = z.infer<typeof Credentials>;
export type Settings = z.infer<typeof Settings>;
export type SmsConnection = Connection<Credentials, Settings>;

export const isService = (sender: string): boolean => sender.startsWith('MG');
