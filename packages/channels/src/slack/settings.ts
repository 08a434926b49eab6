/** What a Slack connection is made of. */
import { z } from 'zod';
import type { Connection } from '../channel.ts';

const secret = (pattern: RegExp, message: string) => z.string().trim().max(500).regex(pattern, message);

export const Credentials = z.strictObject({
  botToken: secret(/^xoxb-[\w-]+$/, 'It is the "Bot User OAuth Token", which begins with xoxb-.'),
  appToken: secret(/^xapp-[\w-]+$/, 'It is an app-level token, which begins with xapp-.').optional(),
  signingSecret: secret(/^\w{16,}$/, 'It is the "Signing Secret" of Basic Information.').optional(),
});

const loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Slack's own addresses, or one on this machine for an emulator. No other: whoever may change a channel's settings could
 * have the token, which nobody is shown, sent to a server of theirs.
 */
function isSlackApi(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  if (loopback.has(hostname)) return true;
  return protocol === 'https:' && (hostname === 'slack.com' || hostname === 'slack-gov.com');
}

export const Settings = z.strictObject({
  /** How events come in: over a socket that we open, or by HTTP requests of Slack's. */
  mode: z.enum(['socket', 'http']).default('socket'),
  /** The slash command that says its text. Any other of the app says itself, too. */
  command: z
    .string()
    .regex(/^\/[^\s/]{1,31}$/, 'A command begins with a slash and has no spaces: /nightshift')
    .default('/nightshift'),
  apiUrl: z
    .url({ protocol: /^https?$/, abort: true })
    .refine(isSlackApi, 'It is https://slack.com/api/ or https://slack-gov.com/api/')
    .default('https://slack.com/api/'),
});

export type Credentials = z.infer<typeof Credentials>;
export type Settings = z.infer<typeof Settings>;
export type SlackConnection = Connection<Credentials, Settings>;

/** Whether Slack's files are kept there, so that it may be sent the token. */
export function isFileUrl(text: string | undefined, { apiUrl }: Settings): text is string {
  if (!text || !URL.canParse(text)) return false;
  const api = new URL(apiUrl);
  return new URL(text).origin === (loopback.has(api.hostname) ? api.origin : `https://files.${api.hostname}`);
}
