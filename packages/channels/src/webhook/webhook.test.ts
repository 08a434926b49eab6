import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ChannelError, type RawRequest } from '../channel.ts';
import { signedHeaders } from './standard-webhooks.ts';
import { webhook } from './webhook.ts';

const secret = `whsec_${randomBytes(32).toString('base64')}`;
const connection = { credentials: { secret }, settings: { url: 'https://program.example/in' } };
const hook = webhook.hook!;

function requestWith(body: string | Uint8Array): RawRequest {
  const bytes = Buffer.from(body);
  return { method: 'POST', headers: signedHeaders(secret, 'event-1', Date.now(), bytes), body: bytes };
}

it('reads a message: what its sender calls it, in which thread, by whom', () => {
  const request = requestWith(
    '{"thread":"order-42","sender":{"id":"ann","name":"Ann"},"text":"Grüße","more":1}',
  );
  expect(hook.verify(request, connection, Date.now())).toEqual({ ok: true });
  expect(hook.parse(request, connection)).toEqual([
    {
      externalId: 'event-1',
      thread: { thread: 'order-42' },
      threadKey: 'order-42',
      sender: { id: 'ann', name: 'Ann' },
      text: 'Grüße',
    },
  ]);
});

it('refuses everything where the secret is unset', () => {
  const unset = { ...connection, credentials: { secret: '' } };
  expect(hook.verify(requestWith('{}'), unset, Date.now()).ok).toBe(false);
});

describe('what is no message', () => {
  it.each([
    ['no JSON', 'thread=order-42'],
    ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['a list', '[]'],
    ['no thread', '{"sender":{"id":"ann"},"text":"Hello"}'],
    ['no sender', '{"thread":"order-42","text":"Hello"}'],
    ['no text', '{"thread":"order-42","sender":{"id":"ann"},"text":""}'],
  ])('is refused: %s', (_what, body) => {
    expect(() => hook.parse(requestWith(body), connection)).toThrow(ChannelError);
  });
});
