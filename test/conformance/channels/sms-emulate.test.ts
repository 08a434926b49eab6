/** The same conversation with a Twilio that others have written: the `emulate` package, on loopback. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { InboundEvent, MessageEvent, RawRequest } from '@nightshift/channels';
import { sms } from '@nightshift/channels/sms';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { createEmulator, type Emulator } from 'emulate';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../support/faults/free-port.ts';

const accountSid = `AC${'0'.repeat(32)}`;
const authToken = 'twilio_test_auth_token_of_ours';
const ourNumber = '+15551234567';
const theirNumber = '+15550002222';

let twilio: Emulator;
let door: Server;
let hookUrl: string;
const events: InboundEvent[] = [];
const refused: string[] = [];

const { fetch: guarded } = createGuardedFetch({ allow: ['127.0.0.1', 'localhost'] });
const context = () => ({
  fetch: guarded,
  signal: AbortSignal.timeout(10_000),
  idempotencyKey: 'delivery:0',
  hookUrl,
  now: Date.now(),
});
const connection = (token = authToken) => ({
  credentials: { authToken: token },
  settings: sms.settings.parse({ accountSid, sender: ourNumber, apiUrl: twilio.url }),
  account: null,
});

beforeAll(async () => {
  door = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw: RawRequest = {
      method: request.method as 'GET' | 'POST',
      url: `${new URL(hookUrl).origin}${request.url}`,
      headers: request.headers as RawRequest['headers'],
      body: Buffer.concat(chunks),
    };
    const verified = await sms.hook!.verify(raw, connection(), context());
    if (verified.ok) events.push(...sms.hook!.parse(raw, connection()));
    else refused.push(verified.reason);
    const { status, headers, body } = sms.hook!.answer!(raw, connection());
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  hookUrl = `http://127.0.0.1:${(door.address() as AddressInfo).port}/v1/hooks/key?a=1`;
  twilio = await createEmulator({
    service: 'twilio',
    port: await freePort(),
    seed: {
      twilio: {
        account: { sid: accountSid, auth_token: authToken, friendly_name: 'Local' },
        phone_numbers: [{ phone_number: ourNumber, friendly_name: 'Local number' }],
      },
    },
  });
});
afterAll(async () => {
  await twilio.close();
  await new Promise((resolve) => door.close(resolve));
});

const simulate = (what: string, form: Record<string, string>) =>
  fetch(`${twilio.url}/_twilio/simulate/${what}`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams(form),
  });

it('is set up by a test of the channel, says what people write, and takes the answer', async () => {
  const { account, problems } = await sms.probe(connection(), context());
  expect({ name: account.name, problems }).toEqual({ name: `Local · ${ourNumber}`, problems: [] });

  const text = 'Grüße & more=less + 👋';
  const simulated = await simulate('inbound-message', { To: ourNumber, From: theirNumber, Body: text });
  expect(simulated.status).toBe(201);
  expect(refused).toEqual([]);
  expect(events).toMatchObject([{ type: 'message', text, thread: { to: theirNumber } }]);

  const { thread } = events[0] as MessageEvent;
  const receipt = await sms.send({ text: 'Ahoy! 👋' }, thread, connection(), context());
  expect(receipt.id).toMatch(/^SM/);
  const listed = await guarded(
    `${twilio.url}/2010-04-01/Accounts/${accountSid}/Messages.json?To=${encodeURIComponent(theirNumber)}`,
    { headers: { authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}` } },
  );
  expect(await listed.json()).toMatchObject({
    messages: [{ sid: receipt.id, body: 'Ahoy! 👋', from: ourNumber }],
  });
});

it('says when the password, the sender or the recipient is wrong', async () => {
  const send = (to: string, under = connection()) => sms.send({ text: 'Hi' }, { to }, under, context());
  await expect(send(theirNumber, connection('another_token_of_ours'))).rejects.toMatchObject({
    kind: 'auth',
  });
  await expect(send('nobody')).rejects.toMatchObject({ kind: 'rejected' });
  const { credentials, settings } = connection();
  const strange = { credentials, settings: { ...settings, sender: '+15559999999' }, account: null };
  await expect(send(theirNumber, strange)).rejects.toMatchObject({ kind: 'auth' });
});
