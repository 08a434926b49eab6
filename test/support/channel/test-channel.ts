/** A chat platform of the tests: its API is a `Receiver`, which decides how each send goes. */
import {
  adapterSource,
  type CallContext,
  type ChannelAdapter,
  ChannelError,
  toChannelError,
} from '@nightshift/channels';
import { z } from 'zod';

const Credentials = z.strictObject({ token: z.string().min(1) });
const Settings = z.strictObject({ url: z.url() });

export type TestChannel = ChannelAdapter<z.infer<typeof Credentials>, z.infer<typeof Settings>>;

/**
 * By its documentation 400 refuses a message, 401 the token, 429 asks to wait (of one thread alone where the header
 * `x-scope` says so), and 503 means that the message was not taken. Any other answer says nothing.
 */
export function createTestChannel({ idempotentSend }: { idempotentSend: boolean }): TestChannel {
  async function call(url: string, token: string, key: string, body: object, { fetch, signal }: CallContext) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'idempotency-key': key },
      body: JSON.stringify(body),
      signal,
    }).catch((error) => {
      throw toChannelError(error);
    });
    const { status, headers } = response;
    if (status === 200) return;
    const message = `The platform answered ${status}.`;
    if (status === 400) throw new ChannelError('rejected', message);
    if (status === 401) throw new ChannelError('auth', message);
    if (status === 503) throw new ChannelError('retry', message);
    if (status === 429) {
      throw new ChannelError('retry', message, {
        retryAfterMs: Number(headers.get('retry-after')) * 1000,
        pauses: headers.get('x-scope') === 'thread' ? 'thread' : 'channel',
      });
    }
    throw new ChannelError('ambiguous', message);
  }

  return {
    kind: idempotentSend ? 'test-idempotent' : 'test',
    capabilities: {
      dialect: 'plain',
      limit: { max: 20, unit: 'utf16' },
      idempotentSend,
      edit: null,
      typing: null,
      threads: true,
      files: { inMax: null, outMax: null },
      reactions: false,
      buttons: false,
    },
    credentials: Credentials,
    settings: Settings,
    async send({ text }, to, { credentials, settings }, context) {
      await call(`${settings.url}/send`, credentials.token, context.idempotencyKey, { text, ...to }, context);
      return { id: `posted ${text}` };
    },
    async probe({ credentials, settings }, context) {
      await call(`${settings.url}/me`, credentials.token, '', {}, context);
      return { account: { id: 'bot', name: 'the test bot' }, problems: [] };
    },
  };
}

/** The product's adapters take part in no test of these. */
export const testChannels = adapterSource([
  createTestChannel({ idempotentSend: false }) as ChannelAdapter,
  createTestChannel({ idempotentSend: true }) as ChannelAdapter,
]);
