/**
 * The web chat widget. Its platform is the server itself: visitors read their messages from the database over a stream
 * of the api (apps/api/src/widget), and what they write comes in there. So nothing is sent to anybody, and a message is
 * delivered once it is committed. docs/decisions/0010-web-widget.md says why.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type ChannelAdapter, ChannelError } from '../channel.ts';

/** As browsers write it in the `Origin` header: scheme, host and port, without a path. */
const Origin = z
  .string()
  .max(200)
  .refine(
    (text) => /^https?:\/\/[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text,
    'must be an origin such as https://www.example.com: without a path, and without a slash at the end',
  );

const splitList = (list: string) => list.split(/[\s,]+/).filter(Boolean);

const Credentials = z.strictObject({
  secret: z
    .string()
    .min(32, 'must have at least 32 characters')
    .max(200)
    .default(() => randomBytes(32).toString('base64url')),
});

const Settings = z.strictObject({
  origins: z
    .union([z.string().max(5_000).transform(splitList), z.array(z.string())])
    .pipe(z.array(Origin).min(1, 'must name at least one origin').max(50)),
  title: z.string().trim().min(1).max(60).default('Chat'),
  greeting: z.string().trim().max(500).default('Hello! How can I help you?'),
  color: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, 'must be a color such as #3b4cca')
    .default('#3b4cca'),
  theme: z.enum(['auto', 'light', 'dark']).default('auto'),
  position: z.enum(['right', 'left']).default('right'),
  files: z.boolean().default(false),
});

export type Credentials = z.infer<typeof Credentials>;
export type Settings = z.infer<typeof Settings>;

export const web: ChannelAdapter<Credentials, Settings> = {
  kind: 'web',
  capabilities: {
    // The stream formats what it reads; rendering it for the outbox, too, would be for nobody.
    dialect: 'markdown',
    limit: { max: 1_000_000, unit: 'utf16' },
    idempotentSend: true,
    // Drafts are read from the run's events, as they are written.
    edit: null,
    typing: null,
    threads: false,
    files: { inMax: 4 * 1024 * 1024, outMax: null },
    reactions: false,
    buttons: false,
  },
  credentials: Credentials,
  settings: Settings,

  // It was sent when it was committed.
  async send(_part, _to, _connection, { idempotencyKey }) {
    return { id: idempotencyKey };
  },

  // The bytes came with the message, and were stored with it.
  async download({ source }, _connection, { maxBytes }) {
    const data = Buffer.from(source.data ?? '', 'base64');
    if (data.length === 0) throw new ChannelError('rejected', 'The file is empty.');
    if (data.length > maxBytes) throw new ChannelError('rejected', 'The file is too large.');
    return { data };
  },

  async probe({ settings: { title, origins } }) {
    const insecure = origins.filter(
      (origin) =>
        origin.startsWith('http:') && !/^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(origin),
    );
    return {
      account: { id: null, name: title },
      problems: insecure.map((origin) => ({
        message: `${origin} is not encrypted: whoever is on the way reads along.`,
        fix: 'Serve the page over https, and allow that origin instead.',
      })),
    };
  },
};
