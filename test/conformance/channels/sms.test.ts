import { sms } from '@nightshift/channels/sms';
import {
  accountSid,
  authToken,
  hookUrl,
  messageSid,
  ourNumber,
  received,
  serviceSid,
  signed,
  startFakeTwilio,
  status,
  theirNumber,
} from '../../support/twilio/index.ts';
import { describeChannel, type Peer } from './kit.ts';

const fileAt = (url: string) => ({ name: 'plan.png', mediaType: 'image/png', bytes: null, source: { url } });

async function startPeer(): Promise<Peer> {
  const fake = await startFakeTwilio();
  return {
    url: fake.url,
    requests: () => fake.requests.length,
    shown: () => fake.sent.map(({ text, to }) => ({ text, to: { to } })),
    offer({ mediaType, data }) {
      const path = `Messages/${messageSid}/Media/ME1`;
      fake.media.set(path, { type: mediaType, data });
      return fileAt(`${fake.url}/2010-04-01/Accounts/${accountSid}/${path}`);
    },
    elsewhere: fileAt,
    react: (how) => fake.react(how),
    shut: () => fake.shut(),
    close: () => fake.close(),
  };
}

const failing = (http: number, code: number) => ({
  status: http,
  body: JSON.stringify({ code, message: 'It failed', status: http }),
});

const mediaUrl = (sid: string) =>
  `https://api.twilio.com/2010-04-01/Accounts/${accountSid}/Messages/${messageSid}/Media/${sid}`;

const read = (fields: Record<string, string>) =>
  sms.hook!.parse(signed(Buffer.from(received(fields)), hookUrl), {
    credentials: { authToken },
    settings: sms.settings.parse({ accountSid, sender: ourNumber }),
    account: null,
  })[0]!;
const examples = () => ({
  direct: read({ Body: 'Ahoy!' }),
  room: 'A text message is to one number.',
  quote: 'Text messages answer nothing.',
  forward: 'Nothing marks a text message as passed on.',
  unreadable: read({ Body: '', NumMedia: '1' }),
  mentionOfOthers: 'Text messages have no mentions.',
});

describeChannel('SMS', {
  adapter: sms,
  examples,
  startPeer,
  connect: (url) => ({
    credentials: { authToken },
    settings: { accountSid, sender: ourNumber, apiUrl: url },
  }),
  to: { to: theirNumber },
  meaning: [
    [failing(401, 20003), { kind: 'auth' }],
    [failing(404, 20404), { kind: 'auth' }],
    [failing(400, 21606), { kind: 'auth' }],
    [failing(429, 20429), { kind: 'retry' }],
    [failing(400, 21611), { kind: 'retry', pauses: 'channel' }],
    [failing(400, 21211), { kind: 'rejected' }],
    [failing(400, 21408), { kind: 'rejected' }],
    [failing(400, 21610), { kind: 'rejected' }],
    [failing(400, 21614), { kind: 'rejected' }],
    [failing(400, 12345), { kind: 'rejected' }],
    [failing(500, 20500), { kind: 'ambiguous' }],
    [{ status: 502, body: '<html>' }, { kind: 'ambiguous' }],
    [{ status: 503 }, { kind: 'retry' }],
  ],
  hook: {
    sign: (body) => signed(body),
    signUnset: (body) => signed(body, hookUrl, hookUrl, ''),
    says: (Body) => received({ Body }),
    authHeaders: ['x-twilio-signature'],
    windowMs: null,
    signsBody: true,
    otherCredentials: { authToken: '0'.repeat(32) },
    recordings: [
      {
        name: 'a message',
        body: received({ Body: 'Ahoy! 👋 grüße & more=less' }),
        events: [
          {
            type: 'message',
            externalId: messageSid,
            messageId: messageSid,
            thread: { to: theirNumber },
            threadKey: theirNumber,
            direct: true,
            group: null,
            sender: { id: theirNumber, name: null, isBot: false, isSelf: false },
            text: 'Ahoy! 👋 grüße & more=less',
            addressed: false,
            attachments: [],
          },
        ],
      },
      {
        name: 'pictures',
        body: received({
          Body: '',
          NumMedia: '3',
          MediaUrl0: mediaUrl('ME1'),
          MediaContentType0: 'image/jpeg',
          MediaUrl1: mediaUrl('ME2'),
          MediaContentType1: 'text/x-vcard',
        }),
        events: [
          {
            type: 'message',
            text: '',
            attachments: [
              {
                name: 'media-1.jpeg',
                mediaType: 'image/jpeg',
                bytes: null,
                source: { url: mediaUrl('ME1') },
              },
              { name: 'media-2.vcard', mediaType: 'text/x-vcard', source: { url: mediaUrl('ME2') } },
            ],
          },
        ],
      },
      {
        name: 'what a program sends from a short code',
        body: received({ Body: 'Your code is 4711', From: '22395', FromCountry: '' }),
        events: [{ type: 'message', sender: { id: '22395', isBot: true, isSelf: false } }],
      },
      {
        name: 'what our number sends to itself',
        body: received({ Body: 'Echo', From: ourNumber }),
        events: [{ type: 'message', sender: { id: ourNumber, isSelf: true } }],
      },
      ...['STOP', ' stop ', 'StopAll', 'UNSUBSCRIBE', 'Cancel', 'END', 'quit', 'REVOKE', 'OPTOUT'].map(
        (word) => ({
          name: `the keyword "${word}", which Twilio answers`,
          body: received({ Body: word }),
          events: [{ type: 'ignored', externalId: messageSid, what: 'keyword STOP' }],
        }),
      ),
      {
        name: 'START',
        body: received({ Body: 'Start' }),
        events: [{ type: 'ignored', what: 'keyword START' }],
      },
      { name: 'HELP', body: received({ Body: 'help' }), events: [{ type: 'ignored', what: 'keyword HELP' }] },
      {
        name: 'a keyword that a Messaging Service has by another name',
        body: received({ Body: 'Basta', OptOutType: 'STOP' }),
        events: [{ type: 'ignored', what: 'keyword STOP' }],
      },
      ...['Stop please', 'Yes', 'Help me'].map((text) => ({
        name: `"${text}", which is no keyword`,
        body: received({ Body: text }),
        events: [{ type: 'message', text }],
      })),
      {
        name: 'statuses of what we sent',
        body: status('delivered'),
        events: [{ type: 'ignored', externalId: `${messageSid}:delivered`, what: 'status delivered' }],
      },
      {
        name: 'a status that tells of an error',
        body: status('undelivered', { ErrorCode: '30005' }),
        events: [
          {
            type: 'undelivered',
            externalId: `${messageSid}:undelivered`,
            sent: { id: messageSid },
            reason: {
              code: '30005',
              message: 'It was not delivered: the number is not in use, or not at this carrier (30005).',
            },
          },
        ],
      },
      ...[
        received({ Body: 'Hi', To: '+15550000000' }),
        received({ Body: 'Hi', To: `whatsapp:${ourNumber}`, From: `whatsapp:${theirNumber}` }),
        received({ Body: 'Hi', AccountSid: `AC${'0'.repeat(32)}` }),
      ].map((body, at) => ({
        name: `a message that is not for us (${at})`,
        body,
        events: [{ type: 'ignored', what: 'message to another number' }],
      })),
      {
        name: 'a message without anything in it',
        body: received({ Body: ' ' }),
        events: [{ type: 'ignored', what: 'empty message' }],
      },
    ],
    malformed: [
      'Hello',
      received({ MessageSid: '' }),
      received({ MessageSid: 'SM1' }),
      received({ From: '' }),
      received({ NumMedia: 'many' }),
      received({ NumMedia: '1000000000' }),
      new URLSearchParams({ MessageStatus: 'sent' }).toString(),
    ],
  },
});

describeChannel('SMS through a Messaging Service', {
  adapter: sms,
  examples,
  startPeer,
  connect: (url) => ({
    credentials: { authToken },
    settings: { accountSid, sender: serviceSid, apiUrl: url },
  }),
  to: { to: theirNumber },
  meaning: [
    [failing(400, 21703), { kind: 'auth' }],
    [failing(400, 63038), { kind: 'retry' }],
  ],
  hook: {
    sign: (body) => signed(body, hookUrl),
    signUnset: (body) => signed(body, hookUrl, hookUrl, ''),
    says: (Body) => received({ Body, To: '+15550000000', MessagingServiceSid: serviceSid }),
    authHeaders: ['x-twilio-signature'],
    windowMs: null,
    signsBody: true,
    otherCredentials: { authToken: '0'.repeat(32) },
    recordings: [
      {
        name: 'a message to any of its numbers',
        body: received({ Body: 'Ahoy!', To: '+15550000000', MessagingServiceSid: serviceSid }),
        events: [{ type: 'message', text: 'Ahoy!', thread: { to: theirNumber } }],
      },
      {
        name: 'a message of another service',
        body: received({ Body: 'Ahoy!', MessagingServiceSid: `MG${'0'.repeat(32)}` }),
        events: [{ type: 'ignored', what: 'message to another number' }],
      },
      {
        name: 'what a program sends by a name',
        body: received({ Body: 'Your parcel', From: 'PARCELS', MessagingServiceSid: serviceSid }),
        events: [{ type: 'message', sender: { id: 'PARCELS', identity: 'name', isBot: true } }],
      },
    ],
    malformed: ['Hello'],
  },
});
