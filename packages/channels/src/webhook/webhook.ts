/**
 * The generic channel: signed HTTP in and out, for platforms that have no adapter and programs that are none.
 *
 * In: `{"thread": "order-42", "sender": {"id": "ann", "name": "Ann"}, "text": "…"}`, its `webhook-id` names the event.
 * Out: `{"type": "message", "thread": "order-42", "text": "…"}`. Both are signed as docs/webhooks.md says.
 */
import { WebhookSecret, WebhookUrl } from '@nightshift/contracts';
import { z } from 'zod';
import { type ChannelAdapter, ChannelError } from '../channel.ts';
import { assertAccepted, postSigned } from './post.ts';
import { verifySigned } from './standard-webhooks.ts';

const Credentials = z.strictObject({ secret: WebhookSecret });
const Settings = z.strictObject({ url: WebhookUrl });

const Inbound = z.object({
  thread: z.string().min(1).max(200),
  sender: z.object({ id: z.string().min(1).max(200), name: z.string().max(200).nullish() }),
  text: z.string().min(1).max(200_000),
});

export const webhook: ChannelAdapter<z.infer<typeof Credentials>, z.infer<typeof Settings>> = {
  kind: 'webhook',
  capabilities: { idempotentSend: true, dialect: 'markdown', text: { max: 200_000, unit: 'utf16' } },
  credentials: Credentials,
  settings: Settings,

  async send({ text }, { thread }, { credentials, settings }, context) {
    const body = { type: 'message', thread, text };
    const answer = await postSigned(
      { ...credentials, ...settings, id: context.idempotencyKey, body },
      context,
    );
    assertAccepted(answer);
    return { status: answer.status };
  },

  async probe({ credentials, settings }, context) {
    const id = `probe_${crypto.randomUUID()}`;
    assertAccepted(await postSigned({ ...credentials, ...settings, id, body: { type: 'ping' } }, context));
    return { account: new URL(settings.url).host };
  },

  hook: {
    verify: (request, { credentials }, now) => verifySigned(request, credentials.secret, now),
    parse({ headers, body }) {
      const inbound = Inbound.safeParse(parseJson(body));
      const externalId = headers['webhook-id'];
      if (!externalId) throw new ChannelError('rejected', 'The request has no webhook-id.');
      if (!inbound.success) {
        throw new ChannelError('rejected', `The request is no message. ${z.prettifyError(inbound.error)}`);
      }
      const { thread, sender, text } = inbound.data;
      return [
        {
          externalId,
          thread: { thread },
          threadKey: thread,
          sender: { id: sender.id, name: sender.name ?? null },
          text,
        },
      ];
    },
  },
};

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ChannelError('rejected', 'The request is no JSON.', { cause });
  }
}
