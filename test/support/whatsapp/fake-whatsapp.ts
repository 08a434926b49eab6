/** Meta's Graph API as a business account sees it. It checks tokens, fields and limits, and asks webhooks as Meta does. */
import { randomInt } from 'node:crypto';
import type { z } from 'zod';
import { type FakeAnswer, type FakeHttp, type FakeRequest, startFakeHttp } from '../channel/fake-http.ts';
import { mediaRules, OutgoingMessage, ReadReceipt } from './rules.ts';

export const phoneNumberId = '106540352242922';
export const businessAccountId = '102290129340398';
export const appId = '670843887433847';
export const credentials = {
  accessToken: 'EAAGm0PX4ZCpsBAKZCfakeOnlyForTests',
  appSecret: '0123456789abcdef0123456789abcdef',
  verifyToken: 'myvoiceismypassport-myvoice',
};

export interface FakeWhatsapp extends FakeHttp {
  /** What people got, oldest first. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape
  readonly sent: any[];
  readonly reads: z.infer<typeof ReadReceipt>[];
  /** What may be downloaded and sent, by id. */
  readonly media: Map<string, StoredMedia>;
  /** How the account stands; a test may change it. */
  readonly account: AccountState;
}

export interface StoredMedia {
  type: string;
  data: Uint8Array;
  /** Default: at the fake itself, as Meta keeps it at its own host. */
  url?: string;
}

export interface AccountState {
  status: string;
  quality: string;
  /** Where webhooks go to: of the number, of the account, of the app. */
  hooks: { phone_number?: string; whatsapp_business_account?: string; application?: string };
  /** Of the app; null: it has no subscription. */
  appFields: string[] | null;
  subscribedApps: string[];
  tokenExpiresAt: number;
  scopes: string[];
  appSecret: string;
}

const newMessageId = () => `wamid.HBgL${Buffer.from(String(randomInt(2 ** 40))).toString('base64')}`;

const refuse = (status: number, code: number, message: string, more: object = {}): FakeAnswer => ({
  status,
  body: {
    error: { message: `(#${code}) ${message}`, type: 'OAuthException', code, ...more, fbtrace_id: 'AbC' },
  },
});
const success: FakeAnswer = { status: 200, body: { success: true } };
const unknown = refuse(400, 100, 'Unsupported request. Object does not exist', { error_subcode: 33 });

/**
 * `hookUrl`: where the app and the account already send webhooks to; `reach`: where an address that is entered leads to on
 * this machine.
 */
export async function startFakeWhatsapp(
  hookUrl = 'https://nightshift.example/v1/hooks/key',
  reach = (url: string) => url,
): Promise<FakeWhatsapp> {
  const sent: FakeWhatsapp['sent'] = [];
  const reads: FakeWhatsapp['reads'] = [];
  const media: FakeWhatsapp['media'] = new Map();
  const account: AccountState = {
    status: 'CONNECTED',
    quality: 'GREEN',
    hooks: { application: hookUrl },
    appFields: ['messages'],
    subscribedApps: [appId],
    tokenExpiresAt: 0,
    scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'],
    appSecret: credentials.appSecret,
  };

  async function answer(request: FakeRequest): Promise<FakeAnswer> {
    const { url, headers, method } = request;
    const token = headers.authorization?.replace(/^Bearer /, '');
    if (url.pathname === '/attachments') return serve(request, token);
    const [version, ...path] = url.pathname.slice(1).split('/');
    if (!/^v\d+\.0$/.test(version ?? '')) return refuse(400, 2500, 'Unknown path components');
    const route = `${method} ${path.join('/')}`;
    if (path[1] === 'subscriptions') {
      if (token !== `${appId}|${account.appSecret}`)
        return refuse(400, 190, 'Invalid OAuth access token signature.');
      return route === `GET ${appId}/subscriptions` ? listSubscriptions() : subscribe(request);
    }
    if (token !== credentials.accessToken) return refuse(401, 190, `Malformed access token ${token}`);
    switch (route) {
      case `GET ${phoneNumberId}`:
        return describeNumber(url.searchParams.get('fields')?.split(',') ?? []);
      case `POST ${phoneNumberId}`:
        return override(request);
      case `POST ${phoneNumberId}/messages`:
        return post(request);
      case `POST ${phoneNumberId}/media`:
        return upload(request);
      case 'GET debug_token':
        return describeToken(url);
      case `GET ${businessAccountId}/subscribed_apps`:
        return {
          status: 200,
          body: { data: account.subscribedApps.map((id) => ({ whatsapp_business_api_data: { id } })) },
        };
      case `POST ${businessAccountId}/subscribed_apps`:
        account.subscribedApps.push(appId);
        return success;
      default:
        return method === 'GET' ? locate(path[0] ?? '', url) : unknown;
    }
  }

  function post({ headers, body }: FakeRequest): FakeAnswer {
    if (!headers['content-type']?.startsWith('application/json'))
      return refuse(400, 100, 'The content type must be application/json');
    const json = JSON.parse(body.toString());
    if (json.status !== undefined) {
      const read = ReadReceipt.safeParse(json);
      if (!read.success) return refuse(400, 100, read.error.message);
      reads.push(read.data);
      return success;
    }
    const message = OutgoingMessage.safeParse(json);
    if (!message.success) return refuse(400, 100, message.error.message);
    const file = json[json.type]?.id;
    if (file !== undefined && !media.has(file)) return refuse(400, 131053, 'Media upload error');
    sent.push(message.data);
    const input = json.to ?? json.recipient;
    return {
      status: 200,
      body: { messaging_product: 'whatsapp', contacts: [{ input }], messages: [{ id: newMessageId() }] },
    };
  }

  async function upload({ headers, body }: FakeRequest): Promise<FakeAnswer> {
    const type = headers['content-type'] ?? '';
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
    const file = form.get('file');
    if (form.get('messaging_product') !== 'whatsapp')
      return refuse(400, 100, 'messaging_product is required');
    if (!(file instanceof File) || !file.name) return refuse(400, 100, 'Param file is required');
    const rule = mediaRules.find(({ types }) => types.test(file.type));
    if (!rule || form.get('type') !== file.type)
      return refuse(400, 100, `Param file must not be ${file.type}`);
    if (file.size > rule.maxBytes) return refuse(400, 131053, 'Media upload error');
    const id = String(randomInt(2 ** 40));
    media.set(id, { type: file.type, data: new Uint8Array(await file.arrayBuffer()) });
    return { status: 200, body: { id } };
  }

  function locate(id: string, url: URL): FakeAnswer {
    const stored = media.get(id);
    const number = url.searchParams.get('phone_number_id');
    if (!stored || (number !== null && number !== phoneNumberId)) return unknown;
    return {
      status: 200,
      body: {
        messaging_product: 'whatsapp',
        url: stored.url ?? `${http.url}/attachments?mid=${id}`,
        mime_type: stored.type,
        sha256: 'not checked',
        file_size: stored.data.length,
        id,
      },
    };
  }

  /** At Meta's media host, which wants the token, and a user agent. */
  function serve({ url, headers }: FakeRequest, token: string | undefined): FakeAnswer {
    const stored = media.get(url.searchParams.get('mid') ?? '');
    if (token !== credentials.accessToken || !headers['user-agent']) return { status: 401, body: '<html>' };
    return stored
      ? { status: 200, headers: { 'content-type': stored.type }, body: stored.data }
      : { status: 404, body: '<html>' };
  }

  function describeNumber(fields: string[]): FakeAnswer {
    const all: Record<string, unknown> = {
      display_phone_number: '+1 555-078-3881',
      verified_name: 'Lucky Shrub',
      quality_rating: account.quality,
      status: account.status,
      webhook_configuration: account.hooks,
    };
    const wanted = Object.entries(all).filter(([name]) => fields.includes(name));
    return { status: 200, body: { ...Object.fromEntries(wanted), id: phoneNumberId } };
  }

  function describeToken(url: URL): FakeAnswer {
    if (url.searchParams.get('input_token') !== credentials.accessToken)
      return refuse(400, 100, 'Invalid input_token');
    const { tokenExpiresAt: expires_at, scopes } = account;
    const data = {
      app_id: appId,
      application: 'Shrubs',
      is_valid: true,
      expires_at,
      scopes,
      type: 'SYSTEM_USER',
    };
    return { status: 200, body: { data } };
  }

  function listSubscriptions(): FakeAnswer {
    const { appFields } = account;
    const fields = (appFields ?? []).map((name) => ({ name, version: 'v25.0' }));
    const one = {
      object: 'whatsapp_business_account',
      callback_url: account.hooks.application,
      active: true,
      fields,
    };
    return { status: 200, body: { data: appFields ? [one] : [] } };
  }

  async function subscribe({ body }: FakeRequest): Promise<FakeAnswer> {
    const { object, fields, callback_url, verify_token } = JSON.parse(body.toString());
    if (object !== 'whatsapp_business_account' || fields !== 'messages')
      return refuse(400, 100, 'Invalid parameter');
    if (!(await isConfirmed(reach(callback_url), verify_token))) return unconfirmed;
    account.appFields = ['messages'];
    account.hooks.application = callback_url;
    return success;
  }

  async function override({ body }: FakeRequest): Promise<FakeAnswer> {
    const { override_callback_uri, verify_token } = JSON.parse(body.toString()).webhook_configuration;
    if (override_callback_uri.length > 200) return refuse(400, 100, 'The callback URL is too long');
    if (!(await isConfirmed(reach(override_callback_uri), verify_token))) return unconfirmed;
    account.hooks.phone_number = override_callback_uri;
    return success;
  }

  const http = await startFakeHttp(answer);
  return Object.assign(http, { sent, reads, media, account });
}

const unconfirmed = refuse(400, 2200, 'Callback verification failed');

/** The question that Meta puts to an address before it sends webhooks there. */
async function isConfirmed(callback: string, verifyToken: string): Promise<boolean> {
  const url = new URL(callback);
  const challenge = String(randomInt(2 ** 31));
  url.search = String(
    new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.challenge': challenge,
      'hub.verify_token': verifyToken,
    }),
  );
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  return response?.status === 200 && (await response.text()) === challenge;
}
