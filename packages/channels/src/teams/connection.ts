/** What is stored of a connection to Microsoft Teams. */
import { z } from 'zod';
import type { Connection } from '../channel.ts';
import { type Cloud, clouds, emulated } from './clouds.ts';

const guid = (message: string) => z.string().trim().toLowerCase().pipe(z.guid(message));

export const Credentials = z.strictObject({
  appId: guid('It is the "Application (client) ID": 8-4-4-4-12 letters and digits.'),
  appPassword: z
    .string()
    .trim()
    .regex(/^[\x21-\x7e]{16,200}$/, 'It is the "Value" of a client secret, not its "Secret ID".'),
});

const loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);

export const Settings = z.strictObject({
  /** Of a bot that belongs to one tenant. Messages of other tenants are dropped. */
  tenantId: guid('It is the "Directory (tenant) ID": 8-4-4-4-12 letters and digits.').optional(),
  cloud: z.literal(['public', 'usGovernment']).default('public'),
  /** A server on this machine that stands in for Microsoft. */
  emulatorUrl: z
    .url({ protocol: /^https?$/, abort: true })
    .refine((url) => loopback.has(new URL(url).hostname), 'It is on this machine.')
    .optional(),
});

export type Credentials = z.infer<typeof Credentials>;
export type Settings = z.infer<typeof Settings>;
export type TeamsConnection = Connection<Credentials, Settings>;

export const cloudOf = ({ cloud, emulatorUrl }: Settings): Cloud =>
  emulatorUrl ? emulated(new URL(emulatorUrl).origin) : clouds[cloud];

export function isConnector(text: string | undefined, settings: Settings): text is string {
  return (
    text !== undefined && URL.canParse(text) && cloudOf(settings).connectors.includes(new URL(text).origin)
  );
}

/** Where a connector really is: an emulator stands in for all of them. */
export function addressOf(connectorUrl: string, { emulatorUrl }: Settings): string {
  const { pathname, search } = new URL(connectorUrl);
  return emulatorUrl ? `${new URL(emulatorUrl).origin}${pathname}${search}` : connectorUrl;
}

export function isFileHost(text: string, settings: Settings): boolean {
  return URL.canParse(text) && cloudOf(settings).isFileHost(new URL(text).origin);
}
