import { ann, refusal, startTelegram } from '../../../support/telegram/index.ts';
import type { Place, Platform, Shown } from './platform.ts';

const groupId = -100200300;
const gap = '\u200b';

/** With what Telegram is told of the text, and whom it would notify. */
interface TelegramShown extends Shown {
  entities: readonly object[];
  pings: readonly string[];
}

export const telegram = (receive: 'polling' | 'webhook'): Platform => ({
  name: `Telegram, ${receive}`,
  async start({ reach }): Promise<Place> {
    const files = new Map<string, Buffer>();
    const fake = await startTelegram({ files, reach });
    const called = (method: string) => fake.calls.filter((each) => each === method).length;
    let messages = 0;

    return {
      channel: {
        kind: 'telegram',
        credentials: { token: fake.token },
        settings: { receive, apiUrl: fake.url },
      },
      wrongCredentials: { token: '999999:AAnobodysToken_nobodysToken_0123456789' },
      account: `@${fake.username}`,
      formatted: {
        text: `Hello Ann, at last: @${gap}everyone <!channel> <@${gap}U0BOB>\n\n• one\n• two with a * b\n\nSee the guide.\n\nok();`,
        entities: [
          { type: 'bold', offset: 6, length: 3 },
          { type: 'italic', offset: 11, length: 7 },
          { type: 'code', offset: 70, length: 5 },
          { type: 'text_link', offset: 81, length: 9, url: 'https://example.com/guide' },
          { type: 'pre', offset: 93, length: 5, language: 'js' },
        ],
        pings: [],
      },
      hasGroups: true,
      async say(said, { room = 'direct', mention = false, file } = {}) {
        messages += 1;
        const message_id = messages;
        const text = mention ? `@${fake.username} ${said}` : said;
        const photo = [
          { file_id: `photo${message_id}`, file_unique_id: `u${message_id}`, width: 1, height: 1 },
        ];
        if (file) files.set(photo[0]!.file_id, file);
        const message = {
          message_id,
          from: ann,
          chat:
            room === 'direct'
              ? { id: ann.id, type: 'private', first_name: ann.first_name }
              : { id: groupId, type: 'supergroup', title: 'Sales' },
          date: Math.floor(Date.now() / 1000),
          ...(file ? { photo, caption: text } : { text }),
          ...(mention && { entities: [{ type: 'mention', offset: 0, length: fake.username.length + 1 }] }),
        };
        await fake.deliver({ message });
        return {
          again: async () => void (await fake.deliver({ message })),
          edit: async (text) =>
            void (await fake.deliver({ edited_message: { ...message, text, edit_date: message.date + 1 } })),
        };
      },
      async stir() {
        const chat = { id: groupId, type: 'supergroup', title: 'Sales' };
        messages += 1;
        await fake.deliver({
          message: { message_id: messages, from: ann, chat, date: 1_795_348_800, new_chat_members: [ann] },
        });
      },
      shown: () =>
        fake.shown().map(
          ({ text, to, file, entities, pings }): TelegramShown => ({
            text,
            room: to.chat_id === String(groupId) ? 'group' : 'direct',
            entities,
            pings,
            ...(file && { file }),
          }),
        ),
      counts: () => ({ edits: called('editMessageText'), typing: called('sendChatAction') }),
      revoke: () => fake.react(() => refusal(401, 'Unauthorized')),
      renew() {
        fake.react(() => undefined);
        return { token: fake.token };
      },
      close: () => fake.close(),
    };
  },
});
