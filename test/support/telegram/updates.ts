/** Updates on their way to the bot: kept until they are confirmed, or pushed to its webhook. */
import { setTimeout as sleep } from 'node:timers/promises';
import { badRequest, Refusal } from './refusal.ts';
import type { Call } from './request.ts';

export interface Webhook {
  url: string;
  secret: string | undefined;
  allowed: readonly string[] | undefined;
}

type Update = { update_id: number } & Record<string, unknown>;

/** Redeliveries before it gives up, and the pause between them: much shorter than Telegram's. */
const attempts = 5;
const pauseMs = 50;

const conflict = (why: string) => new Refusal(409, `Conflict: ${why}`);

export function createUpdates(
  onReply: (method: string, args: Call['args']) => Promise<unknown>,
  reach: (url: string) => string,
) {
  let pending: Update[] = [];
  let lastId = 100_000;
  let webhook: Webhook | undefined;
  let lastError: { at: number; message: string } | undefined;
  let allowed: readonly string[] | undefined;
  /** Ends the poll that waits. */
  let interrupt: ((why?: Refusal) => void) | undefined;

  async function push(update: Update, { url, secret }: Webhook): Promise<void> {
    for (let attempt = 1; attempt <= attempts && webhook?.url === url; attempt += 1) {
      if (attempt > 1) await sleep(pauseMs);
      try {
        const response = await fetch(reach(url), {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(secret !== undefined && { 'x-telegram-bot-api-secret-token': secret }),
          },
          body: JSON.stringify(update),
        });
        const body = await response.text();
        if (response.ok) {
          pending = pending.filter((other) => other !== update);
          const isJson = response.headers.get('content-type')?.startsWith('application/json');
          const { method, ...args } = isJson && body ? JSON.parse(body) : {};
          if (method) await onReply(method, args);
          return;
        }
        lastError = { at: Date.now(), message: `Wrong response from the webhook: ${response.status}` };
      } catch (error) {
        lastError = { at: Date.now(), message: `Connection failed: ${(error as Error).message}` };
      }
    }
  }

  return {
    /** @returns when it was pushed, where a webhook is set; else at once */
    async deliver(content: Record<string, unknown>): Promise<number> {
      lastId += 1;
      const update = { update_id: lastId, ...content };
      const [kind] = Object.keys(content);
      if (allowed?.length && !allowed.includes(kind!)) return lastId;
      pending.push(update);
      if (webhook) await push(update, webhook);
      else interrupt?.();
      return update.update_id;
    },

    pending: (): number => pending.length,
    webhook: (): Webhook | undefined => webhook,

    async getUpdates({ offset = 0, limit = 100, timeout = 0, allowed_updates }: Call['args']) {
      if (webhook)
        throw conflict(
          "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        );
      if (limit < 1 || limit > 100) throw badRequest('limit must be 1-100');
      if (allowed_updates !== undefined) allowed = allowed_updates;
      pending = pending.filter(({ update_id }) => update_id >= offset);
      interrupt?.(
        conflict('terminated by other getUpdates request; make sure that only one bot instance is running'),
      );
      if (pending.length === 0 && timeout > 0) {
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, timeout * 1000);
        interrupt = (why) => (why ? reject(why) : resolve());
        await promise.finally(() => {
          clearTimeout(timer);
          interrupt = undefined;
        });
      }
      return pending.slice(0, limit);
    },

    setWebhook({ url, secret_token: secret, allowed_updates }: Call['args']): true {
      const parsed = URL.canParse(url) ? new URL(url) : undefined;
      const isLocal = parsed?.hostname === '127.0.0.1';
      // As a Bot API server in --local mode, this one also delivers to its own machine.
      if (!isLocal && parsed?.protocol !== 'https:')
        throw badRequest('bad webhook: An HTTPS URL must be provided for webhook');
      if (!isLocal && !['', '80', '88', '8443'].includes(parsed!.port))
        throw badRequest('bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443');
      if (secret !== undefined && !/^[A-Za-z0-9_-]{1,256}$/.test(secret))
        throw badRequest('secret token contains unallowed characters');
      if (allowed_updates !== undefined) allowed = allowed_updates;
      webhook = { url, secret, allowed };
      interrupt?.(conflict('terminated by setWebhook request'));
      return true;
    },

    deleteWebhook(): true {
      webhook = undefined;
      lastError = undefined;
      return true;
    },

    getWebhookInfo: () => ({
      url: webhook?.url ?? '',
      has_custom_certificate: false,
      pending_update_count: pending.length,
      ...(lastError && {
        last_error_date: Math.floor(lastError.at / 1000),
        last_error_message: lastError.message,
      }),
      ...(allowed && { allowed_updates: allowed }),
    }),

    close: () => interrupt?.(),
  };
}
