/** What somebody stores to connect a bot. */

import { randomBytes } from 'node:crypto';
import { WebhookUrl } from '@nightshift/contracts';
import { trimEndOf } from '@nightshift/contracts/text';
import { z } from 'zod';
import type { Account, Connection } from '../channel.ts';

export const Credentials = z.strictObject({
  token: z.string().regex(/^\d{1,20}:[A-Za-z0-9_-]{20,100}$/, 'must be as BotFather shows it: 123456:ABC…'),
  // https://core.telegram.org/bots/api#setwebhook allows 1-256 of these characters; a short one could be guessed.
  webhookSecret: z
    .string()
    .regex(/^[A-Za-z0-9_-]{32,256}$/, 'must be 32 to 256 of A-Z, a-z, 0-9, _ and -')
    .default(() => randomBytes(32).toString('base64url')),
});
export type Credentials = z.infer<typeof Credentials>;

export const Settings = z.strictObject({
  receive: z.enum(['polling', 'webhook']).default('polling'),
  apiUrl: WebhookUrl.default('https://api.telegram.org').transform((url) => trimEndOf(url, '/')),
});
export type Settings = z.infer<typeof Settings>;

export type TelegramConnection = Connection<Credentials, Settings>;

/** Us, as updates speak of us. */
export interface Me {
  readonly id: string;
  /** `@name`, in lower case; null before the first probe. */
  readonly mention: string | null;
}

/** A token begins with its bot's id, which stays when the token is renewed. */
export const botIdOf = ({ token }: Credentials): string => token.slice(0, token.indexOf(':'));

export const accountOf = (bot: { id: number; username: string }): Account => ({
  id: String(bot.id),
  name: `@${bot.username}`,
});

export function meOf({ credentials, account }: TelegramConnection): Me {
  return { id: botIdOf(credentials), mention: account?.name.toLowerCase() ?? null };
}
