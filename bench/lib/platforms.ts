/** Chat platforms as far as a load needs them: how each pushes a message, signed, and what its API answers to everything. */
import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signature } from '@nightshift/channels/slack';
import { signedHeaders } from '@nightshift/channels/webhook';

export interface Push {
  body: string;
  headers: Readonly<Record<string, string>>;
}

export interface Platform {
  kind: string;
  credentials: object;
  settings: object;
  /** The `nth` message that it delivers, of a person who writes in a direct conversation. `nth` also names the event. */
  push(nth: number, person: number): Push;
}

const json = { 'content-type': 'application/json' };

/** `url`: where their APIs are. */
export function platforms(url: string): Platform[] {
  return [webhook(url), slack(url), telegram(url), whatsapp(url)];
}

export function webhook(url: string): Platform {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  return {
    kind: 'webhook',
    credentials: { secret },
    settings: { url },
    push(nth, person) {
      const sender = { id: `person-${person}`, name: 'Ann' };
      const body = JSON.stringify({ thread: `thread-${person}`, sender, text: `Message ${nth}` });
      return { body, headers: signedHeaders(secret, `event-${nth}`, Date.now(), Buffer.from(body)) };
    },
  };
}

function slack(url: string): Platform {
  const signingSecret = randomBytes(16).toString('hex');
  return {
    kind: 'slack',
    credentials: { botToken: 'xoxb-0000000000-bench', signingSecret },
    settings: { mode: 'http', apiUrl: `${url}/api/` },
    push(nth, person) {
      const ts = `1700000000.${String(nth).padStart(6, '0')}`;
      const place = { channel: `D${person}`, channel_type: 'im' };
      const body = JSON.stringify({
        type: 'event_callback',
        team_id: 'T0BENCH',
        api_app_id: 'A0BENCH',
        event_id: `Ev${nth}`,
        event_time: 1_700_000_000,
        authorizations: [{ team_id: 'T0BENCH', user_id: 'U0BOT', is_bot: true }],
        event: { type: 'message', ...place, user: `U${person}`, text: `Message ${nth}`, ts, event_ts: ts },
      });
      const at = String(Math.floor(Date.now() / 1000));
      const signed = signature(signingSecret, at, Buffer.from(body));
      return { body, headers: { ...json, 'x-slack-request-timestamp': at, 'x-slack-signature': signed } };
    },
  };
}

function telegram(url: string): Platform {
  const webhookSecret = randomBytes(32).toString('base64url');
  return {
    kind: 'telegram',
    credentials: { token: `1000000:${randomBytes(24).toString('hex')}`, webhookSecret },
    settings: { receive: 'webhook', apiUrl: url },
    push(nth, person) {
      const body = JSON.stringify({
        update_id: nth,
        message: {
          message_id: nth,
          date: 1_700_000_000,
          from: { id: person + 1, is_bot: false, first_name: 'Ann' },
          chat: { id: person + 1, type: 'private', first_name: 'Ann' },
          text: `Message ${nth}`,
        },
      });
      return { body, headers: { ...json, 'x-telegram-bot-api-secret-token': webhookSecret } };
    },
  };
}

function whatsapp(url: string): Platform {
  const appSecret = randomBytes(16).toString('hex');
  const phoneNumberId = '106540352242922';
  return {
    kind: 'whatsapp',
    credentials: { accessToken: randomBytes(32).toString('hex'), appSecret },
    settings: { phoneNumberId, businessAccountId: '102290129340398', apiUrl: url },
    push(nth, person) {
      const phone = `1650${String(person).padStart(7, '0')}`;
      const value = {
        messaging_product: 'whatsapp',
        metadata: { display_phone_number: '15550783881', phone_number_id: phoneNumberId },
        contacts: [{ profile: { name: 'Ann' }, wa_id: phone }],
        messages: [
          {
            from: phone,
            id: `wamid.${nth}`,
            timestamp: '1700000000',
            type: 'text',
            text: { body: `Message ${nth}` },
          },
        ],
      };
      const entry = [{ id: '102290129340398', changes: [{ value, field: 'messages' }] }];
      const body = JSON.stringify({ object: 'whatsapp_business_account', entry });
      const hex = createHmac('sha256', appSecret).update(body).digest('hex');
      return { body, headers: { ...json, 'x-hub-signature-256': `sha256=${hex}` } };
    },
  };
}

/** Taken by each of them as: it was sent. */
const taken = JSON.stringify({
  ok: true,
  ts: '1700000000.000001',
  channel: 'D1',
  result: { message_id: 1, date: 1_700_000_000, chat: { id: 1, type: 'private' } },
  messages: [{ id: 'wamid.sent' }],
});

export interface PlatformApi {
  url: string;
  /** Is told of each request's body. */
  onRequest: (body: string) => void;
}

/** The API of all of them. It runs until `resources` end. */
export async function startPlatformApi(resources: AsyncDisposableStack): Promise<PlatformApi> {
  const api: PlatformApi = { url: '', onRequest: () => {} };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      api.onRequest(body);
      response.writeHead(200, json).end(taken);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  resources.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return api;
}
