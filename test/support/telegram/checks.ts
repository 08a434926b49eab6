/** The documented limits of messages, and the words with which Telegram refuses what is beyond them. */

import { badRequest } from './refusal.ts';
import type { Call } from './request.ts';

const entityTypes = new Set([
  ...['mention', 'hashtag', 'cashtag', 'bot_command', 'url', 'email', 'phone_number', 'bold', 'italic'],
  ...['underline', 'strikethrough', 'spoiler', 'blockquote', 'expandable_blockquote', 'code', 'pre'],
  ...['text_link', 'text_mention', 'custom_emoji'],
]);

/** https://core.telegram.org/bots/api#sendmessage, https://core.telegram.org/bots/api#messageentity */
export function checkText({ text, entities = [], parse_mode, reply_markup }: Call['args']): void {
  if (typeof text !== 'string' || text.trim() === '') throw badRequest('message text is empty');
  if (text.length > 4096) throw badRequest('message is too long');
  if (!text.isWellFormed()) throw badRequest('strings must be encoded in UTF-8');
  if (parse_mode !== undefined) throw badRequest("can't parse entities: the fake takes entities only");
  for (const { type, offset, length, url } of entities) {
    if (!entityTypes.has(type)) throw badRequest(`can't parse MessageEntity: unknown type "${type}"`);
    const fits = Number.isInteger(offset) && Number.isInteger(length) && offset >= 0 && length > 0;
    if (!fits || offset + length > text.length) throw badRequest('ENTITY_BOUNDS_INVALID');
    if (type === 'text_link' && !URL.canParse(url)) throw badRequest('ENTITY_TEXTURL_INVALID');
  }
  checkKeyboard(reply_markup);
}

/** https://core.telegram.org/bots/api#inlinekeyboardbutton */
function checkKeyboard(markup: { inline_keyboard?: unknown } | undefined): void {
  if (markup === undefined) return;
  if (!Array.isArray(markup.inline_keyboard)) throw badRequest('object expected as reply markup');
  for (const { text, callback_data } of markup.inline_keyboard.flat()) {
    if (typeof text !== 'string' || text === '') throw badRequest('text buttons must be non-empty');
    const bytes = Buffer.byteLength(String(callback_data ?? ''));
    if (bytes < 1 || bytes > 64) throw badRequest('BUTTON_DATA_INVALID');
  }
}

/** Whom a message notifies: `@names` outside of code and links, and links to people. */
export function pingsOf({ text, entities = [] }: Call['args']): string[] {
  const covers = (types: string[], at: number) =>
    entities.some(
      (entity: { type: string; offset: number; length: number }) =>
        types.includes(entity.type) && at >= entity.offset && at < entity.offset + entity.length,
    );
  const names = [...String(text).matchAll(/(?<!\w)@\w{2,32}/g)]
    .filter(({ index }) => !covers(['code', 'pre', 'text_link', 'url'], index))
    .map(([name]) => name);
  const people = entities.filter(
    ({ type, url }: { type: string; url?: string }) =>
      type === 'text_mention' || (type === 'text_link' && url?.startsWith('tg://user')),
  );
  return [...names, ...people.map(({ url }: { url?: string }) => url ?? 'text_mention')];
}

export const chatActions = new Set([
  ...['typing', 'upload_photo', 'record_video', 'upload_video', 'record_voice', 'upload_voice'],
  ...['upload_document', 'choose_sticker', 'find_location', 'record_video_note', 'upload_video_note'],
]);

/** https://core.telegram.org/bots/api#reactiontypeemoji */
export const reactionEmoji = new Set(
  '👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡'.split(
    ' ',
  ),
);
