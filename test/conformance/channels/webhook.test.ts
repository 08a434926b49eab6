import { randomBytes } from 'node:crypto';
import { signedHeaders, webhook } from '@nightshift/channels/webhook';
import { describeChannel } from './kit.ts';
import { startReceiverPeer } from './receiver-peer.ts';

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const secret = newSecret();
const ann = { id: 'ann', name: 'Ann', isBot: false, isSelf: false };
const placed = { externalId: 'event-1', thread: { thread: 'order-42' }, threadKey: 'order-42', direct: true };

const read = (message: object) => {
  const body = Buffer.from(
    JSON.stringify({ thread: 'order-42', sender: { id: 'ann' }, text: 'Hello', ...message }),
  );
  const headers = signedHeaders(secret, 'event-1', Date.now(), body);
  return webhook.hook!.parse(
    { method: 'POST', url: 'https://nightshift.example/v1/hooks/key', headers, body },
    { credentials: { secret }, settings: { url: 'https://program.example' }, account: null },
  )[0]!;
};

describeChannel('webhook', {
  adapter: webhook,
  examples: () => ({
    direct: read({}),
    room: read({ group: 'sales' }),
    quote: read({ quoted: { id: 'm0', text: 'No.' } }),
    forward: read({ forwarded: { from: 'Bob' } }),
    unreadable: read({ text: '', unsupported: ['poll'] }),
    mentionOfOthers: read({ group: 'sales', mentionsOthers: true }),
  }),
  startPeer: startReceiverPeer,
  connect: (url) => ({ credentials: { secret }, settings: { url } }),
  to: { thread: 'here' },
  meaning: [
    [{ status: 400 }, { kind: 'retry' }],
    [{ status: 500 }, { kind: 'retry' }],
    [{ status: 301, headers: { location: '/' } }, { kind: 'retry' }],
  ],
  hook: {
    sign: (body, at) => ({
      method: 'POST',
      url: 'https://nightshift.example/v1/hooks/key',
      headers: signedHeaders(secret, 'event-1', at, body),
      body,
    }),
    signUnset: (body, at) => ({
      method: 'POST',
      url: 'https://nightshift.example/v1/hooks/key',
      headers: signedHeaders('whsec_', 'event-1', at, body),
      body,
    }),
    says: (text) => JSON.stringify({ thread: 'order-42', sender: { id: 'ann' }, text }),
    authHeaders: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
    windowMs: 300_000,
    signsBody: true,
    otherCredentials: { secret: newSecret() },
    recordings: [
      {
        name: 'a message',
        body: '{"thread":"order-42","sender":{"id":"ann","name":"Ann"},"text":"Grüße","more":1}',
        events: [
          { ...placed, type: 'message', sender: ann, text: 'Grüße', addressed: false, attachments: [] },
        ],
      },
      {
        name: 'a message in a group that addresses the agent, with a file',
        body: JSON.stringify({
          type: 'message',
          id: 'm1',
          thread: 'order-42',
          group: 'sales',
          addressed: true,
          sender: { id: 'ann' },
          text: '',
          attachments: [{ name: 'a.pdf', mediaType: 'application/pdf', url: 'https://files.example/a.pdf' }],
        }),
        events: [
          {
            ...placed,
            direct: false,
            group: 'sales',
            messageId: 'm1',
            addressed: true,
            attachments: [
              {
                name: 'a.pdf',
                mediaType: 'application/pdf',
                bytes: null,
                source: { url: 'https://files.example/a.pdf' },
              },
            ],
          },
        ],
      },
      {
        name: 'a message that says everything that it can',
        body: JSON.stringify({
          thread: 'order-42',
          group: 'sales',
          where: { kind: 'channel', name: ' #sales\n' },
          sender: { id: 'ann', name: 'Ann' },
          text: 'Is that so?',
          mentionsOthers: true,
          quoted: { id: 'm0', author: { name: 'Bob' }, text: 'The sky is green.' },
          forwarded: { from: 'Bob' },
          addressees: { to: ['Ann <ann@example.com>'], cc: [] },
          unsupported: ['poll', 'dream', 'nightmare'],
        }),
        events: [
          {
            type: 'message',
            where: { kind: 'channel', name: '#sales' },
            text: 'Is that so?',
            mentionsOthers: true,
            quoted: { messageId: 'm0', author: { name: 'Bob', isSelf: false }, text: 'The sky is green.' },
            forwarded: { from: 'Bob' },
            addressees: { to: ['Ann <ann@example.com>'], cc: [] },
            unsupported: ['poll', 'message of an unknown kind'],
          },
        ],
      },
      {
        name: 'what another program says',
        body: '{"thread":"order-42","sender":{"id":"other","isBot":true,"mayRepeat":true},"text":"Hello"}',
        events: [{ type: 'message', sender: { id: 'other', isBot: true, mayRepeat: true } }],
      },
      {
        name: 'an edit',
        body: '{"type":"edited","id":"m1","thread":"order-42","sender":{"id":"ann"},"text":"Hello again"}',
        events: [{ type: 'edited', messageId: 'm1', text: 'Hello again' }],
      },
      {
        name: 'a deletion',
        body: '{"type":"deleted","id":"m1"}',
        events: [{ type: 'deleted', messageId: 'm1' }],
      },
      {
        name: 'a button',
        body: '{"type":"action","thread":"order-42","sender":{"id":"ann"},"value":"yes"}',
        events: [{ type: 'action', value: 'yes' }],
      },
      {
        name: 'what it does not know',
        body: '{"type":"reaction","emoji":"tada"}',
        events: [{ type: 'ignored', externalId: 'event-1', what: 'reaction' }],
      },
    ],
    malformed: [
      'thread=order-42',
      '{"sender":{"id":"ann"},"text":"Hello"}',
      '{"thread":"order-42","text":"Hello"}',
      '{"thread":"order-42","sender":{"id":"ann"},"text":" "}',
      '{"thread":"order-42","sender":{"id":"ann"},"text":7}',
      '{"type":"edited","text":"Hello"}',
      '{"thread":"x","sender":{"id":"ann"},"text":"Hello","where":{"kind":"channel"}}',
      '{"thread":"x","group":"g","sender":{"id":"ann"},"text":"Hello","where":{"kind":"direct"}}',
      '{"thread":"x","sender":{"id":"ann"},"text":"Hello","where":{"kind":"moon"}}',
    ],
  },
});
