/** What is stored of a connection to Discord, and which addresses are Discord's. */
import { trimEndOf } from '@nightshift/contracts/text';
import { z } from 'zod';
import type { Connection } from '../channel.ts';

export const Credentials = z.strictObject({
  botToken: z
    .string()
    .trim()
    .max(300)
    .regex(
      /^[\w-]{16,}\.[\w-]{5,}\.[\w-]{20,}$/,
      'It is the token of the page "Bot": three parts with dots between them.',
    ),
});

const officialApi = 'https://discord.com/api/v10';
const loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);
const isEmulator = (apiUrl: string) => loopback.has(new URL(apiUrl).hostname);

export const Settings = z.strictObject({
  /**
   * With the version: https://docs.discord.com/developers/reference#api-versioning. Discord's own, or one on this machine
   * for an emulator: whoever may change a channel's settings must not have the token sent to a server of theirs.
   */
  apiUrl: z
    .url({ protocol: /^https?$/, abort: true })
    .overwrite((url) => trimEndOf(url, '/'))
    .refine((url) => url === officialApi || isEmulator(url), `It is ${officialApi}`)
    .default(officialApi),
});

export type Credentials = z.infer<typeof Credentials>;
export type Settings = z.infer<typeof Settings>;
export type DiscordConnection = Connection<Credentials, Settings>;

/** Where sockets go. The guarded fetch does not see them, so nothing that a server says leads them elsewhere. */
export function isGatewayUrl(text: string, { apiUrl }: Settings): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, host } = new URL(text);
  if (isEmulator(apiUrl)) return protocol === 'ws:' && host === new URL(apiUrl).host;
  return protocol === 'wss:' && hostname.endsWith('.discord.gg');
}

/** Where attachments are: https://docs.discord.com/developers/reference#signed-attachment-cdn-urls */
export function isFileUrl(text: string | undefined, { apiUrl }: Settings): text is string {
  if (!text || !URL.canParse(text)) return false;
  const { origin } = new URL(text);
  if (isEmulator(apiUrl)) return origin === new URL(apiUrl).origin;
  return origin === 'https://cdn.discordapp.com' || origin === 'https://media.discordapp.net';
}
