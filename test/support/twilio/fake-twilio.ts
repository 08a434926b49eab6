/** Twilio's Messaging API as an account sees it. It checks passwords, fields and limits. */
import { randomBytes } from 'node:crypto';
import { type FakeAnswer, type FakeHttp, type FakeRequest, startFakeHttp } from '../channel/fake-http.ts';

export const accountSid = `AC${'0123456789abcdef'.repeat(2)}`;
export const serviceSid = `MG${'0123456789abcdef'.repeat(2)}`;
export const numberSid = `PN${'0123456789abcdef'.repeat(2)}`;
export const authToken = 'fedcba9876543210fedcba9876543210';
export const ourNumber = '+15557122661';

export interface FakeTwilio extends FakeHttp {
  /** What people got, oldest first. */
  readonly sent: { to: string; from: string; text: string; segments: number }[];
  /** Who has replied STOP. */
  readonly stopped: Set<string>;
  /** Of messages that came in, by the path below the account. */
  readonly media: Map<string, StoredMedia>;
  /** How the account stands; a test may change it. */
  readonly account: AccountState;
}

/** Text: where the API sends on to. */
export type StoredMedia = { type: string; data: Uint8Array } | string;

export interface AccountState {
  status: string;
  type: string;
  number: {
    phone_number: string;
    capabilities: { sms: boolean; mms: boolean; voice: boolean };
    sms_url: string | null;
    sms_method: string;
    sms_application_sid: string | null;
  };
  service: {
    inbound_request_url: string | null;
    inbound_method: string;
    use_inbound_webhook_on_number: boolean;
  };
}

const newSid = () => `SM${randomBytes(16).toString('hex')}`;

const refuse = (status: number, code: number, message: string): FakeAnswer => ({
  status,
  body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
});
const unknown = refuse(404, 20404, 'The requested resource was not found');

const e164 = /^\+[1-9]\d{6,14}$/;

/** https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding */
const gsm7 = /^[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ^{}\\[~\]|€ÆæßÉ !"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà]*$/;

/** https://www.twilio.com/docs/glossary/what-sms-character-limit. Of GSM-7, signs of the extension table count twice. */
export function segmentsOf(text: string): number {
  const isGsm7 = gsm7.test(text);
  const length = isGsm7 ? text.replace(/[\^{}\\[~\]|€]/g, 'xx').length : text.length;
  const [alone, each] = isGsm7 ? [160, 153] : [70, 67];
  return length <= alone ? 1 : Math.ceil(length / each);
}

/** `hookUrl`: where the number and the service already send messages to. */
export async function startFakeTwilio(
  hookUrl = 'https://nightshift.example/v1/hooks/key',
): Promise<FakeTwilio> {
  const sent: FakeTwilio['sent'] = [];
  const stopped = new Set<string>();
  const media: FakeTwilio['media'] = new Map();
  const account: AccountState = {
    status: 'active',
    type: 'Full',
    number: {
      phone_number: ourNumber,
      capabilities: { sms: true, mms: true, voice: true },
      sms_url: hookUrl,
      sms_method: 'POST',
      sms_application_sid: null,
    },
    service: { inbound_request_url: hookUrl, inbound_method: 'POST', use_inbound_webhook_on_number: false },
  };

  function answer({ method, url, headers, body }: FakeRequest): FakeAnswer {
    const expected = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;
    if (headers.authorization !== expected) return refuse(401, 20003, 'Authenticate');
    const isForm = headers['content-type'] === 'application/x-www-form-urlencoded';
    if (method === 'POST' && !isForm) return refuse(415, 20415, 'Unsupported media type');
    const form = Object.fromEntries(new URLSearchParams(body.toString()));
    const base = `/2010-04-01/Accounts/${accountSid}`;
    const stored = method === 'GET' && media.get(url.pathname.replace(`${base}/`, ''));
    if (stored) return serve(stored);
    switch (`${method} ${url.pathname}`) {
      case `GET ${base}.json`:
        return {
          status: 200,
          body: { sid: accountSid, friendly_name: 'Lucky Shrub', status: account.status, type: account.type },
        };
      case `POST ${base}/Messages.json`:
        return post(form);
      case `GET ${base}/IncomingPhoneNumbers.json`: {
        const isWanted = url.searchParams.get('PhoneNumber') === account.number.phone_number;
        const incoming_phone_numbers = isWanted ? [{ sid: numberSid, ...account.number }] : [];
        return { status: 200, body: { incoming_phone_numbers, page: 0 } };
      }
      case `POST ${base}/IncomingPhoneNumbers/${numberSid}.json`:
        Object.assign(account.number, { sms_url: form.SmsUrl, sms_method: form.SmsMethod });
        return { status: 200, body: account.number };
      case `GET /v1/Services/${serviceSid}`:
        return { status: 200, body: { sid: serviceSid, friendly_name: 'Shrubs', ...account.service } };
      case `POST /v1/Services/${serviceSid}`:
        Object.assign(account.service, {
          inbound_request_url: form.InboundRequestUrl,
          inbound_method: form.InboundMethod,
        });
        return { status: 200, body: account.service };
      default:
        return unknown;
    }
  }

  /** https://www.twilio.com/docs/messaging/api/message-resource#create-a-message */
  function post(form: Readonly<Record<string, string | undefined>>): FakeAnswer {
    const { To: to = '', From: from, MessagingServiceSid: service, Body: text = '', ...rest } = form;
    const stray = Object.keys(rest).filter((name) => name !== 'SmartEncoded');
    if (stray.length > 0) return refuse(400, 20001, `Unknown parameters ${stray.join()}`);
    if (!e164.test(to)) return refuse(400, 21211, `Invalid 'To' Phone Number: ${to}`);
    if ((from === undefined) === (service === undefined)) return refuse(400, 21603, "A 'From' is required.");
    if (from !== undefined && from !== account.number.phone_number)
      return refuse(400, 21606, `The 'From' phone number ${from} is not valid.`);
    if (service !== undefined && service !== serviceSid)
      return refuse(400, 21701, 'No such Messaging Service');
    if (text === '') return refuse(400, 21602, 'Message body is required.');
    if (text.length > 1_600)
      return refuse(400, 21617, 'The concatenated message body exceeds 1600 characters');
    if (stopped.has(to)) return refuse(400, 21610, 'Attempt to send to unsubscribed recipient');
    const segments = segmentsOf(text);
    sent.push({ to, from: from ?? account.number.phone_number, text, segments });
    const body = { sid: newSid(), status: 'queued', num_segments: String(segments), error_code: null };
    return { status: 201, body };
  }

  const http = await startFakeHttp(answer);
  return Object.assign(http, { sent, stopped, media, account });
}

function serve(stored: StoredMedia): FakeAnswer {
  return typeof stored === 'string'
    ? { status: 307, headers: { location: stored } }
    : { status: 200, headers: { 'content-type': stored.type }, body: stored.data };
}
