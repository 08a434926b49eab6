/** What is stored of a connection to the WhatsApp Cloud API. */

import { randomBytes } from 'node:crypto';
import { WebhookUrl } from '@nightshift/contracts';
import { trimEndOf } from '@nightshift/contracts/text';
import { z } from 'zod';
import type { Connection } from '../channel.ts';

/** Identifiers of Meta's objects are numbers that are too long for a number. */
const ObjectId = z.string().regex(/^\d{5,32}$/, 'It is a number, without spaces.');

export const Credentials = z.strictObject({
  accessToken: z.string().regex(/^[\x21-\x7e]{20,1000}$/, 'It is one long word, without spaces.'),
  appSecret: z.string().regex(/^[0-9a-f]{32}$/, 'It is 32 digits and letters from a to f.'),
  /** Meta shows it when it asks whether an address is ours. */
  verifyToken: z
    .string()
    .regex(/^[\x21-\x7e]{16,200}$/, 'It is one word of 16 characters or more.')
    .default(() => randomBytes(24).toString('base64url')),
});

export const Settings = z.strictObject({
  phoneNumberId: ObjectId,
  businessAccountId: ObjectId,
  /** With the version, which Meta keeps for about two years: https://developers.facebook.com/docs/graph-api/changelog */
  apiUrl: WebhookUrl.overwrite((url) => trimEndOf(url, '/')).default('https://graph.facebook.com/v25.0'),
});

export type Credentials = z.infer<typeof Credentials>;
export type Settings = z.infer<typeof Settings>;
export type WhatsappConnection = Connection<Credentials, Settings>;
