import {
  businessAccountId,
  businessNumber,
  credentials,
  phoneNumberId,
  received,
  signed,
  startFakeWhatsapp,
} from '../../../support/whatsapp/index.ts';
import type { Place, Platform, Shown } from './platform.ts';

const group_id = 'Y2FwaV9ncm91cDox';
const invalidToken = {
  status: 401,
  body: JSON.stringify({
    error: { message: 'Error validating access token', type: 'OAuthException', code: 190 },
  }),
};

export const whatsapp: Platform = {
  name: 'WhatsApp',
  async start({ push, reach }): Promise<Place> {
    const fake = await startFakeWhatsapp(undefined, reach);
    let messages = 0;
    const newId = () => {
      messages += 1;
      return `wamid.${messages}`;
    };

    async function deliver(id: string, message: object): Promise<void> {
      const request = signed(Buffer.from(received(id, message)), fake.account.hooks.phone_number);
      const { status } = await push(request);
      if (status !== 200) throw new Error(`Meta was answered ${status}.`);
    }

    return {
      channel: {
        kind: 'whatsapp',
        credentials,
        settings: { phoneNumberId, businessAccountId, apiUrl: `${fake.url}/v25.0` },
      },
      wrongCredentials: { ...credentials, accessToken: 'EAAGnobodysnobodysnobodys' },
      account: 'Lucky Shrub · +1 555-078-3881',
      formatted: {
        text: 'Hello *Ann*, _at last_: @everyone <!channel> <@U0BOB>\n\n- one\n- two with `a * b`\n\nSee the guide (https://example.com/guide).\n\n```\nok();\n```',
      },
      hasGroups: true,
      async say(body, { room = 'direct', mention = false, file } = {}) {
        const id = newId();
        const mediaId = String(1_000_000 + messages);
        if (file) fake.media.set(mediaId, { type: 'image/png', data: file });
        const message = {
          ...(room === 'group' && { group_id }),
          // Nobody can be mentioned there; what answers us is for us.
          ...(mention && { context: { from: businessNumber, id: 'wamid.0' } }),
          ...(file
            ? { type: 'image', image: { id: mediaId, mime_type: 'image/png', sha256: 'x', caption: body } }
            : { type: 'text', text: { body } }),
        };
        await deliver(id, message);
        return {
          again: () => deliver(id, message),
          edit: (text) =>
            deliver(newId(), {
              type: 'edit',
              edit: { original_message_id: id, message: { type: 'text', text: { body: text } } },
            }),
          remove: () => deliver(newId(), { type: 'revoke', revoke: { original_message_id: id } }),
        };
      },
      stir: () => deliver(newId(), { type: 'reaction', reaction: { message_id: 'wamid.0', emoji: '👍' } }),
      shown: () =>
        fake.sent.map(
          ({ recipient_type, text, document }): Shown => ({
            text: text?.body ?? '',
            room: recipient_type === 'group' ? 'group' : 'direct',
            ...(document && {
              file: { name: document.filename, data: Buffer.from(fake.media.get(document.id)!.data) },
            }),
          }),
        ),
      counts: () => ({ edits: 0, typing: fake.reads.filter((read) => read.typing_indicator).length }),
      revoke: () => fake.react(() => invalidToken),
      renew() {
        fake.react(() => undefined);
        return credentials;
      },
      close: () => fake.close(),
    };
  },
};
