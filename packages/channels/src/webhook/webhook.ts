/**
 * The generic channel: signed HTTP in and out, for platforms that have no adapter and programs that are none.
 *
 * In: `{"thread": "order-42", "sender": {"id": "ann", "name": "Ann"}, "text": "…"}`. Out: `{"type": "message", "id": "…",
 * "thread": "order-42", "text": "…"}`. docs/channels/webhook.md has the rest.
 */
import { randomBytes } from 'node:crypto';
import { WebhookSecret, WebhookUrl } from '@nightshift/contracts';
import { z } from 'zod';
import {
  type CallContext,
  type ChannelAdapter,
  ChannelError,
  type Connection,
  defaultEditThrottle,
} from '../channel.ts';
import { readWhole, toChannelError } from '../http.ts';
import { parseInbound } from './inbound.ts';
import { assertAccepted, postSigned } from './post.ts';
import { verifySigned } from './standard-webhooks.ts';

const Credentials = z.strictObject({
  secret: WebhookSecret.default(() => `whsec_${randomBytes(32).toString('base64')}`),
});
const Settings = z.strictObject({ url: WebhookUrl });

type Credentials = z.infer<typeof Credentials>;
type Settings = z.infer<typeof Settings>;

const mebibyte = 1024 * 1024;

/** Every request has an id of its own; whoever has seen it drops the repetition. */
async function post(
  body: object,
  { credentials, settings }: Connection<Credentials, Settings>,
  {
    id = crypto.randomUUID(),
    traceId,
    ...context
  }: CallContext & { id?: string; traceId?: string | null | undefined },
): Promise<{ status: number }> {
  const { secret } = credentials;
  const answer = await postSigned({ secret, url: settings.url, id, body, traceId }, context);
  assertAccepted(answer);
  return { status: answer.status };
}

export const webhook: ChannelAdapter<Credentials, Settings> = {
  kind: 'webhook',
  capabilities: {
    dialect: 'markdown',
    limit: { max: 200_000, unit: 'utf16' },
    idempotentSend: true,
    edit: defaultEditThrottle,
    typing: { lastsMs: 10_000 },
    threads: true,
    files: { inMax: 20 * mebibyte, outMax: 10 * mebibyte },
    reactions: false,
    buttons: true,
  },
  credentials: Credentials,
  settings: Settings,
  hook: {
    verify: (request, { credentials }, { now }) => verifySigned(request, credentials.secret, now),
    parse: parseInbound,
  },

  async send({ text, buttons }, { thread }, connection, { idempotencyKey: id, ...context }) {
    const body = { type: 'message', id, thread, text, ...(buttons && { buttons }) };
    return { id, ...(await post(body, connection, { ...context, id })) };
  },

  async edit({ text }, { id }, { thread }, connection, context) {
    await post({ type: 'edited', id, thread, text }, connection, context);
  },

  async typing({ thread }, connection, context) {
    await post({ type: 'typing', thread }, connection, context);
  },

  async sendFile({ name, mediaType, data }, { thread }, connection, { idempotencyKey: id, ...context }) {
    const base64 = Buffer.from(data).toString('base64');
    const body = { type: 'file', id, thread, name, mediaType, data: base64 };
    return { id, ...(await post(body, connection, { ...context, id })) };
  },

  async download({ source }, _connection, { fetch, signal, maxBytes }) {
    try {
      const response = await fetch(source.url ?? '', { signal });
      if (response.ok) return { data: await readWhole(response, maxBytes) };
      throw new ChannelError('rejected', `The address of the attachment answered ${response.status}.`);
    } catch (error) {
      throw toChannelError(error);
    }
  },

  async probe(connection, context) {
    await post({ type: 'ping' }, connection, context);
    return { account: { id: null, name: new URL(connection.settings.url).host }, problems: [] };
  },
};
