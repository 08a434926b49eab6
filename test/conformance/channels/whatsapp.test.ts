import { whatsapp } from '@nightshift/channels/whatsapp';
import {
  businessAccountId,
  businessNumber,
  changeOf,
  credentials,
  notification,
  phoneNumberId,
  received,
  sheena,
  signed,
  startFakeWhatsapp,
} from '../../support/whatsapp/index.ts';
import { describeChannel, type Peer } from './kit.ts';

const media = {
  id: '1003383421387256',
  mime_type: 'image/jpeg',
  sha256: 'SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=',
};
const picture = { name: 'plan.png', mediaType: 'image/png', bytes: null, source: { media: media.id } };

async function startPeer(): Promise<Peer> {
  const fake = await startFakeWhatsapp();
  return {
    url: fake.url,
    requests: () => fake.requests.length,
    shown: () => fake.sent.filter(({ type }) => type === 'text').map(({ text }) => ({ text: text.body })),
    offer({ mediaType: type, data }) {
      fake.media.set(media.id, { type, data });
      return picture;
    },
    elsewhere(url) {
      fake.media.set(media.id, { type: 'image/png', data: new Uint8Array(1), url });
      return picture;
    },
    files: () =>
      fake.sent
        .filter(({ type }) => type === 'document')
        .map(({ document: { id, filename } }) => ({ name: filename, data: fake.media.get(id)!.data })),
    reactions: () =>
      fake.sent.filter(({ type }) => type === 'reaction').map(({ reaction }) => reaction.emoji),
    react: (how) => fake.react(how),
    shut: () => fake.shut(),
    close: () => fake.close(),
  };
}

const failing = (status: number, code: number, rest: object = {}) => ({
  status,
  body: JSON.stringify({ error: { message: 'It failed', code, ...rest } }),
});

const to = { phone: sheena.phone, user: sheena.user, message: 'wamid.1' };
const fromSheena = {
  thread: to,
  threadKey: sheena.user,
  direct: true,
  group: null,
  sender: { id: sheena.user, name: sheena.name, isBot: false, isSelf: false },
};

const read = (message: object) =>
  whatsapp.hook!.parse(signed(Buffer.from(received('wamid.1', message))), {
    credentials: whatsapp.credentials.parse(credentials),
    settings: whatsapp.settings.parse({ phoneNumberId, businessAccountId }),
    account: null,
  })[0]!;
const text = { type: 'text', text: { body: 'Hello' } };

describeChannel('WhatsApp', {
  adapter: whatsapp,
  examples: () => ({
    direct: read(text),
    room: read({ ...text, group_id: 'Y2FwaV9ncm91cDox' }),
    quote: read({ ...text, context: { from: businessNumber, id: 'wamid.0' } }),
    forward: read({ ...text, context: { forwarded: true } }),
    unreadable: read({ type: 'unsupported', unsupported: { type: 'poll_creation' } }),
    mentionOfOthers: 'Meta tells no mentions.',
  }),
  startPeer,
  connect: (url) => ({
    credentials,
    settings: { phoneNumberId, businessAccountId, apiUrl: `${url}/v25.0` },
  }),
  to,
  answering: () => to,
  meaning: [
    [failing(401, 190), { kind: 'auth' }],
    [failing(403, 10), { kind: 'auth' }],
    [failing(403, 200), { kind: 'auth' }],
    [failing(400, 100, { error_subcode: 33 }), { kind: 'auth' }],
    [failing(400, 133010), { kind: 'auth' }],
    [failing(403, 131031), { kind: 'auth' }],
    [failing(400, 130429), { kind: 'retry', pauses: 'channel' }],
    [failing(400, 131056), { kind: 'retry', pauses: 'thread', retryAfterMs: 6_000 }],
    [failing(400, 131047), { kind: 'rejected' }],
    [failing(400, 131026), { kind: 'rejected' }],
    [failing(400, 131030), { kind: 'rejected' }],
    [failing(400, 100), { kind: 'rejected' }],
    [failing(503, 131016), { kind: 'retry' }],
    [failing(500, 131000), { kind: 'ambiguous' }],
    [{ status: 400, body: '<html>' }, { kind: 'rejected' }],
    [{ status: 502, body: '<html>' }, { kind: 'ambiguous' }],
    [{ status: 503 }, { kind: 'retry' }],
  ],
  hook: {
    sign: (body) => signed(body),
    signUnset: (body) => signed(body, undefined, ''),
    says: (body) => received('wamid.1', { type: 'text', text: { body } }),
    authHeaders: ['x-hub-signature-256'],
    windowMs: null,
    signsBody: true,
    otherCredentials: { ...credentials, appSecret: 'f'.repeat(32) },
    recordings: [
      {
        name: 'a text',
        body: received('wamid.1', { type: 'text', text: { body: 'Does it come in another color? 🌵' } }),
        events: [
          {
            ...fromSheena,
            type: 'message',
            externalId: 'wamid.1',
            messageId: 'wamid.1',
            text: 'Does it come in another color? 🌵',
            where: { kind: 'direct', name: null },
            addressed: false,
            attachments: [],
          },
        ],
      },
      {
        name: 'somebody whose phone number is hidden',
        body: notification(
          changeOf({
            contacts: [{ profile: { name: 'Pablo', username: 'pablo.m' }, user_id: 'BR.1502576394655843' }],
            messages: [
              { from_user_id: 'BR.1502576394655843', id: 'wamid.1', type: 'text', text: { body: 'Oi' } },
            ],
          }),
        ),
        events: [
          {
            thread: { user: 'BR.1502576394655843', message: 'wamid.1' },
            threadKey: 'BR.1502576394655843',
            sender: { id: 'BR.1502576394655843', name: 'Pablo' },
          },
        ],
      },
      {
        name: 'somebody who has a phone number only',
        body: notification(
          changeOf({
            contacts: [{ profile: { name: sheena.name }, wa_id: sheena.phone }],
            messages: [{ from: sheena.phone, id: 'wamid.1', type: 'text', text: { body: 'Hi' } }],
          }),
        ),
        events: [
          {
            thread: { phone: sheena.phone, message: 'wamid.1' },
            threadKey: sheena.phone,
            sender: { id: sheena.phone, name: sheena.name },
          },
        ],
      },
      {
        name: 'a message of which a part is not as documented',
        body: received('wamid.1', {
          type: 'text',
          text: { body: 'Hi' },
          context: 7,
          image: {},
          group_id: undefined,
        }),
        events: [{ ...fromSheena, type: 'message', text: 'Hi', addressed: false }],
      },
      {
        name: 'an image with a caption',
        body: received('wamid.1', { type: 'image', image: { ...media, caption: 'Taj Mahal' } }),
        events: [
          {
            ...fromSheena,
            text: 'Taj Mahal',
            attachments: [
              { name: 'image.jpeg', mediaType: 'image/jpeg', bytes: null, source: { media: media.id } },
            ],
          },
        ],
      },
      {
        name: 'a document, a voice message, a video and a sticker',
        body: notification(
          changeOf({
            messages: [
              {
                type: 'document',
                document: { id: '1', mime_type: 'application/pdf', filename: 'Order 42.pdf' },
              },
              { type: 'audio', audio: { id: '2', mime_type: 'audio/ogg; codecs=opus', voice: true } },
              { type: 'video', video: { id: '3', mime_type: 'video/mp4' } },
              { type: 'sticker', sticker: { id: '4', animated: false } },
            ].map((message, at) => ({ ...message, from: sheena.phone, id: `wamid.${at}` })),
          }),
        ),
        events: [
          { text: '', attachments: [{ name: 'Order 42.pdf', mediaType: 'application/pdf' }] },
          { text: '', attachments: [{ name: 'audio.ogg', mediaType: 'audio/ogg; codecs=opus' }] },
          { text: '', attachments: [{ name: 'video.mp4', source: { media: '3' } }] },
          { text: '', attachments: [{ name: 'sticker.webp', mediaType: 'image/webp' }] },
        ],
      },
      {
        name: 'a place',
        body: received('wamid.1', {
          type: 'location',
          location: {
            latitude: 38.9806263495,
            longitude: -131.9428612257,
            name: 'Main Street Beach',
            address: 'Main Street Beach, Santa Cruz, CA',
          },
        }),
        events: [
          {
            text: 'Location: Main Street Beach, Main Street Beach, Santa Cruz, CA, 38.9806263495, -131.9428612257',
          },
        ],
      },
      {
        name: 'contacts',
        body: received('wamid.1', {
          type: 'contacts',
          contacts: [
            {
              name: { formatted_name: 'Barbara J. Johnson', first_name: 'Barbara' },
              phones: [{ phone: '+1 631-555-5555', wa_id: '16315555555', type: 'MOBILE' }],
              emails: [{ email: 'bjohnson@luckyshrub.example', type: 'WORK' }],
            },
            { name: { formatted_name: 'Al' } },
          ],
        }),
        events: [
          {
            text: 'Contact: Barbara J. Johnson, +1 631-555-5555, bjohnson@luckyshrub.example\nContact: Al',
          },
        ],
      },
      {
        name: "a template's quick reply",
        body: received('wamid.1', {
          context: { from: businessNumber, id: 'wamid.0' },
          type: 'button',
          button: { payload: 'Unsubscribe', text: 'Unsubscribe' },
        }),
        events: [{ type: 'message', text: 'Unsubscribe', addressed: true }],
      },
      {
        name: 'a button of ours',
        body: received('wamid.1', {
          context: { from: businessNumber, id: 'wamid.0' },
          type: 'interactive',
          interactive: { type: 'button_reply', button_reply: { id: 'approve:7', title: 'Approve' } },
        }),
        events: [{ ...fromSheena, type: 'action', externalId: 'wamid.1', value: 'approve:7' }],
      },
      {
        name: 'a row of a list of ours',
        body: received('wamid.1', {
          type: 'interactive',
          interactive: {
            type: 'list_reply',
            list_reply: { id: 'express', title: 'Express', description: '1 day' },
          },
        }),
        events: [{ ...fromSheena, type: 'action', value: 'express' }],
      },
      {
        name: 'a message in a group that answers to ours',
        body: received('wamid.1', {
          group_id: 'Y2FwaV9ncm91cDox',
          context: { from: businessNumber, id: 'wamid.0' },
          type: 'text',
          text: { body: 'What do you all think about this?' },
        }),
        events: [
          {
            thread: { group: 'Y2FwaV9ncm91cDox', message: 'wamid.1' },
            threadKey: 'Y2FwaV9ncm91cDox',
            direct: false,
            group: 'Y2FwaV9ncm91cDox',
            where: { kind: 'group', name: null },
            addressed: true,
            quoted: { messageId: 'wamid.0', author: { name: null, isSelf: true }, text: '' },
            sender: fromSheena.sender,
          },
        ],
      },
      {
        name: 'an answer to another person, whose words are not told',
        body: received('wamid.1', {
          context: { from: sheena.phone, id: 'wamid.0' },
          type: 'text',
          text: { body: 'I meant this' },
        }),
        events: [
          {
            text: 'I meant this',
            quoted: { messageId: 'wamid.0', author: { name: sheena.name, isSelf: false }, text: '' },
          },
        ],
      },
      {
        name: 'messages that were passed on',
        body: notification(
          changeOf({
            messages: [{ forwarded: true }, { frequently_forwarded: true }, { forwarded: false }].map(
              (context, at) => ({
                ...{ from: sheena.phone, id: `wamid.${at}`, context },
                ...{ type: 'text', text: { body: 'Wire 500 EUR.' } },
              }),
            ),
          }),
        ),
        events: [
          { text: 'Wire 500 EUR.', forwarded: { from: null } },
          { text: 'Wire 500 EUR.', forwarded: { from: null } },
          { text: 'Wire 500 EUR.' },
        ],
      },
      {
        name: 'what cannot be read',
        body: notification(
          changeOf({
            messages: [
              { type: 'unsupported', unsupported: { type: 'poll_creation' } },
              { type: 'unsupported', unsupported: { type: 'dream' } },
              { type: 'unsupported' },
              { type: 'interactive', interactive: { type: 'nfm_reply', nfm_reply: { body: 'Sent' } } },
              { type: 'order', order: { catalog_id: '1', product_items: [], text: 'For Monday' } },
              { type: 'dream' },
              {
                type: 'text',
                text: { body: 'Is it waterproof?' },
                context: { referred_product: { catalog_id: '1', product_retailer_id: '2' } },
              },
            ].map((message, at) => ({ ...message, from: sheena.phone, id: `wamid.${at}` })),
          }),
        ),
        events: [
          { type: 'message', messageId: 'wamid.0', text: '', attachments: [], unsupported: ['poll'] },
          { type: 'message', text: '', unsupported: ['message of an unknown kind'] },
          { type: 'message', text: '', unsupported: ['message of an unknown kind'] },
          { type: 'message', text: '', unsupported: ['form'] },
          { type: 'message', text: 'For Monday', unsupported: ['order'] },
          { type: 'message', text: '', unsupported: ['message of an unknown kind'] },
          { type: 'message', text: 'Is it waterproof?', unsupported: ['product'] },
        ],
      },
      {
        name: 'an edit',
        body: received('wamid.2', {
          type: 'edit',
          edit: {
            original_message_id: 'wamid.1',
            message: {
              context: { id: 'wamid.0' },
              type: 'image',
              image: { ...media, caption: 'Not the Taj Mahal' },
            },
          },
        }),
        events: [
          {
            ...fromSheena,
            thread: { ...to, message: 'wamid.2' },
            type: 'edited',
            externalId: 'wamid.2',
            messageId: 'wamid.1',
            text: 'Not the Taj Mahal',
          },
        ],
      },
      {
        name: 'a deletion',
        body: received('wamid.2', { type: 'revoke', revoke: { original_message_id: 'wamid.1' } }),
        events: [{ type: 'deleted', externalId: 'wamid.2', messageId: 'wamid.1' }],
      },
      {
        name: 'what somebody of the business wrote in the app',
        body: notification(
          changeOf({
            message_echoes: [
              {
                from: businessNumber,
                to: sheena.phone,
                id: 'wamid.1',
                timestamp: '1739321024',
                type: 'text',
                text: { body: "Here's the info you requested!" },
              },
            ],
          }),
          'smb_message_echoes',
        ),
        events: [{ type: 'message', threadKey: sheena.phone, sender: { id: businessNumber, isSelf: true } }],
      },
      {
        name: 'what has no meaning for a conversation',
        body: notification(
          changeOf({
            messages: [
              {
                from: sheena.phone,
                id: 'wamid.1',
                type: 'reaction',
                reaction: { message_id: 'wamid.0', emoji: '👍' },
              },
              {
                from: sheena.phone,
                id: 'wamid.2',
                type: 'unsupported',
                errors: [{ code: 131051, title: 'Message type unknown' }],
                unsupported: { type: 'poll_update' },
              },
              {
                from: sheena.phone,
                id: 'wamid.3',
                type: 'system',
                system: { body: 'User changed from 1 to 2', wa_id: '2', type: 'user_changed_number' },
              },
              {
                from: sheena.phone,
                id: 'wamid.4',
                type: 'interactive',
                interactive: { type: 'call_permission_reply' },
              },
              { from: sheena.phone, id: 'wamid.5', type: 'text', text: { body: ' ' } },
              { id: 'wamid.6', type: 'text', text: { body: 'Who said this?' } },
              { type: 'text' },
              null,
            ],
          }),
        ),
        events: [
          { type: 'ignored', externalId: 'wamid.1', what: 'reaction' },
          { type: 'ignored', externalId: 'wamid.2', what: 'unsupported poll_update' },
          { type: 'ignored', externalId: 'wamid.3', what: 'system user_changed_number' },
          { type: 'ignored', externalId: 'wamid.4', what: 'interactive call_permission_reply' },
          { type: 'ignored', externalId: 'wamid.5', what: 'text' },
          { type: 'ignored', externalId: 'wamid.6', what: 'message from nobody' },
          { type: 'ignored', what: 'message that cannot be read' },
          { type: 'ignored', what: 'message that cannot be read' },
        ],
      },
      {
        name: 'statuses',
        body: notification(
          changeOf({
            statuses: [
              { id: 'wamid.0', status: 'sent', timestamp: '1750857384', recipient_id: sheena.phone },
              { id: 'wamid.0', status: 'delivered', timestamp: '1750857385', recipient_id: sheena.phone },
              {
                id: 'wamid.0',
                status: 'failed',
                timestamp: '1750857386',
                recipient_id: sheena.phone,
                errors: [{ code: 131047, title: 'Re-engagement message' }],
              },
            ],
          }),
        ),
        events: [
          { type: 'ignored', externalId: 'wamid.0:sent', what: 'status sent' },
          { type: 'ignored', externalId: 'wamid.0:delivered', what: 'status delivered' },
          {
            type: 'undelivered',
            externalId: 'wamid.0:failed',
            sent: { id: 'wamid.0' },
            reason: {
              code: '131047',
              message:
                'WhatsApp did not deliver it: more than 24 hours have passed since this person last wrote, and then WhatsApp takes templates only. Send an approved template from WhatsApp Manager, or wait until they write again.',
            },
          },
        ],
      },
      {
        name: 'what concerns the account, or another number of it',
        body: JSON.stringify({
          object: 'whatsapp_business_account',
          entry: [
            {
              id: businessAccountId,
              changes: [
                { field: 'account_update', value: { event: 'VERIFIED_ACCOUNT' } },
                {
                  field: 'messages',
                  value: changeOf({ errors: [{ code: 130429, title: 'Rate limit hit' }] }),
                },
                {
                  field: 'messages',
                  value: {
                    metadata: { display_phone_number: '15550000000', phone_number_id: '999999' },
                    messages: [{ from: sheena.phone, id: 'wamid.1', type: 'text', text: { body: 'Hi' } }],
                  },
                },
              ],
            },
          ],
        }),
        events: [
          { type: 'ignored', what: 'account_update' },
          { type: 'ignored', what: 'messages 130429' },
          { type: 'ignored', what: 'messages of another number' },
        ],
      },
    ],
    malformed: [
      'object=whatsapp_business_account',
      '{"object":"page","entry":[]}',
      '{"object":"whatsapp_business_account"}',
      '{"object":"whatsapp_business_account","entry":[{}]}',
      notification(changeOf({ messages: 'Hello' })),
      received('', { type: 'text', text: { body: 'Hello' } }),
      received('wamid.1', { type: 'text', text: 'Hello' }),
      received('wamid.1', { type: 'image', image: {} }),
      received('wamid.1', { type: 'edit', edit: { message: {} } }),
    ],
  },
});
