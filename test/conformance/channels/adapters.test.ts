/** What the outbox relies on in every channel adapter: how a send can fail, and what each way means. */
import { randomBytes } from 'node:crypto';
import { type ChannelAdapter, ChannelError, type SendContext, webhook } from '@nightshift/channels';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createTestChannel,
  type Reaction,
  type Receiver,
  startReceiver,
} from '../../support/channel/index.ts';

interface Subject {
  adapter: ChannelAdapter;
  /** A connection to the peer. */
  connect(url: string): { credentials: unknown; settings: unknown };
  /** What the platform's documentation says of an answer. */
  meaning: readonly (readonly [Reaction, Partial<ChannelError>])[];
}

const secret = `whsec_${randomBytes(32).toString('base64')}`;

const subjects: Record<string, Subject> = {
  webhook: {
    adapter: webhook as ChannelAdapter,
    connect: (url) => ({ credentials: { secret }, settings: { url } }),
    meaning: [
      [{ status: 400 }, { kind: 'retry' }],
      [{ status: 500 }, { kind: 'retry' }],
      [{ status: 301, headers: { location: '/' } }, { kind: 'retry' }],
    ],
  },
  test: {
    adapter: createTestChannel({ idempotentSend: false }) as ChannelAdapter,
    connect: (url) => ({ credentials: { token: 'secret' }, settings: { url } }),
    meaning: [
      [{ status: 400 }, { kind: 'rejected' }],
      [{ status: 401 }, { kind: 'auth' }],
      [{ status: 500 }, { kind: 'ambiguous' }],
      [{ status: 503 }, { kind: 'retry' }],
    ],
  },
};

let peer: Receiver;
beforeEach(async () => {
  peer = await startReceiver();
});
afterEach(() => peer.close());

describe.each(Object.entries(subjects))('%s', (_name, { adapter, connect, meaning }) => {
  const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });
  const context = (more: Partial<SendContext> = {}): SendContext => ({
    fetch,
    signal: AbortSignal.timeout(10_000),
    idempotencyKey: 'delivery:0',
    ...more,
  });
  const send = (text = 'Hello', more?: Partial<SendContext>) =>
    adapter.send({ text }, { thread: 'here' }, connect(peer.url), context(more));
  const failureOf = async (promise: Promise<unknown>): Promise<ChannelError> => {
    const error = await promise.then(
      () => undefined,
      (cause) => cause,
    );
    expect(error).toBeInstanceOf(ChannelError);
    return error;
  };

  it('sends a part once, to its thread, under its key, and gives a receipt', async () => {
    const receipt = await send('Grüße 👋\n"quoted" \\ <b>');
    expect(JSON.parse(JSON.stringify(receipt))).toEqual(receipt);
    expect(peer.received).toHaveLength(1);
    expect(peer.received[0]).toMatchObject({
      id: 'delivery:0',
      body: { text: 'Grüße 👋\n"quoted" \\ <b>', thread: 'here' },
    });
  });

  it('sends a part as long as its limit', async () => {
    const text = 'x'.repeat(adapter.capabilities.text.max);
    await send(text);
    expect(peer.received[0]?.body.text).toBe(text);
  });

  it.each(meaning)('takes the answer %o for %o', async (reaction, expected) => {
    peer.react(() => reaction);
    expect(await failureOf(send())).toMatchObject(expected);
    expect(peer.received).toHaveLength(1);
  });

  it('passes on how long the platform asks to wait', async () => {
    peer.react(() => ({ status: 429, headers: { 'retry-after': '7' } }));
    expect(await failureOf(send())).toMatchObject({ kind: 'retry', retryAfterMs: 7_000, pauses: 'channel' });
  });

  it('knows that nothing arrived where nobody listens', async () => {
    await peer.shut();
    expect(await failureOf(send())).toMatchObject({ kind: 'retry' });
  });

  it('knows that it may have arrived where the connection breaks, or the answer does not come', async () => {
    peer.react(() => 'drop');
    expect(await failureOf(send())).toMatchObject({ kind: 'ambiguous' });
    peer.react(() => 'hang');
    expect(await failureOf(send('Hello', { signal: AbortSignal.timeout(300) }))).toMatchObject({
      kind: 'ambiguous',
    });
  });

  it('does not go where it must not', async () => {
    const guarded = createGuardedFetch({ allow: [] });
    expect(await failureOf(send('Hello', { fetch: guarded.fetch }))).toMatchObject({ kind: 'rejected' });
    expect(peer.received).toEqual([]);
  });

  it('says whether its credentials work', async () => {
    expect(await adapter.probe(connect(peer.url), context())).toEqual({ account: expect.any(String) });
    peer.react(() => ({ status: 401 }));
    await failureOf(adapter.probe(connect(peer.url), context()));
  });

  it('never tells its secrets', async () => {
    const { credentials } = connect(peer.url);
    const secrets = Object.values(credentials as Record<string, string>);
    peer.react(() => ({ status: 401, body: secrets.join() }));
    const { message } = await failureOf(send());
    for (const value of secrets) expect(message).not.toContain(value);
  });

  it('refuses credentials and settings that are not its own', () => {
    const { credentials, settings } = connect(peer.url);
    expect(adapter.credentials.safeParse(credentials).success).toBe(true);
    expect(adapter.settings.safeParse(settings).success).toBe(true);
    for (const wrong of [
      null,
      {},
      { ...(credentials as object), more: 1 },
      { ...(settings as object), more: 1 },
    ]) {
      expect(adapter.credentials.safeParse(wrong).success).toBe(false);
      expect(adapter.settings.safeParse(wrong).success).toBe(false);
    }
  });
});
