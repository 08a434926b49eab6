/** What somebody stores to connect a mailbox. */
import { createHash } from 'node:crypto';
import { WebhookUrl } from '@nightshift/contracts';
import { z } from 'zod';
import type { Connection } from '../channel.ts';

const secret = z.string().min(1).max(4000);
const host = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9.:-]{1,253}$/, 'must be a host name, such as imap.example.com');
const port = z.number().int().min(1).max(65_535);
const address = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .pipe(z.email('must be an address, such as agent@example.com'));

/** Either the password, or what gets an access token (RFC 6749): a client's secret, or what somebody has agreed to. */
export const Credentials = z
  .strictObject({
    password: secret.optional(),
    clientSecret: secret.optional(),
    refreshToken: secret.optional(),
  })
  .refine(
    ({ password, clientSecret, refreshToken }) => password ?? clientSecret ?? refreshToken,
    'must hold a password, or the secrets of OAuth',
  );
export type Credentials = z.infer<typeof Credentials>;

export const Settings = z.strictObject({
  /** Ours. Answers come from it. */
  address,
  /** Others that lead to the same mailbox. */
  aliases: z
    .string()
    .trim()
    .max(2000)
    .regex(
      /^[^\s,;@]+@[^\s,;@]+(\s*[,;]\s*[^\s,;@]+@[^\s,;@]+)*$/,
      'must be addresses with commas between them',
    )
    .optional(),
  /** What stands before the address in answers. */
  name: z.string().trim().min(1).max(100).optional(),
  /** Default: the address. */
  user: z.string().trim().min(1).max(254).optional(),
  imapHost: host,
  imapPort: port.default(993),
  smtpHost: host,
  smtpPort: port.default(465),
  /** auto: TLS from the first byte on the ports 993 and 465, elsewhere STARTTLS, which on loopback may be missing. */
  encryption: z.enum(['auto', 'tls', 'starttls', 'none']).default('auto'),
  /** Whether a mail must be from whom it says it is. */
  senders: z.enum(['verified', 'any']).default('verified'),
  /** The name under which the receiving server writes what it has checked (authserv-id, RFC 8601). */
  authServer: z
    .string()
    .trim()
    .toLowerCase()
    .regex(/^[a-z0-9.*_:-]{1,253}$/, 'must be a name, such as mx.example.com')
    .optional(),
  /** Whether mails that the agent has got are marked as read. */
  markSeen: z.boolean().default(true),
  tokenUrl: WebhookUrl.optional(),
  clientId: z.string().trim().min(1).max(500).optional(),
  scope: z.string().trim().min(1).max(1000).optional(),
});
export type Settings = z.infer<typeof Settings>;

export type EmailConnection = Connection<Credentials, Settings>;

export const userOf = ({ user, address: own }: Settings): string => user ?? own;

export const domainOf = (mailbox: string): string => mailbox.slice(mailbox.lastIndexOf('@') + 1);

/** Whether an address leads to us: also with a tag, `agent+sales@example.com`. */
export function isOwn(mailbox: string, { address: own, aliases = '' }: Settings): boolean {
  const address = mailbox.toLowerCase();
  return [own, ...aliases.toLowerCase().split(/[\s,;]+/)].some(
    (each) => each !== '' && (each === withoutTag(address) || each === address),
  );
}

function withoutTag(address: string): string {
  const tag = address.indexOf('+');
  const end = tag < 0 ? -1 : address.indexOf('@', tag);
  return end < 0 ? address : address.slice(0, tag) + address.slice(end);
}

/** A name for what identifies something, short enough for ids. */
export const digest = (text: string, length = 64): string =>
  createHash('sha256').update(text).digest('hex').slice(0, length);
