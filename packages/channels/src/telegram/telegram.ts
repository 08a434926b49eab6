/**
 * Telegram, through a bot: https://core.telegram.org/bots/api. Messages come by long polling or a webhook; a setting
 * chooses. docs/channels/telegram.md is for whoever sets one up.
 */
import { type ChannelAdapter, defaultEditThrottle } from '../channel.ts';
import { download } from './attachments.ts';
import { Credentials, meOf, Settings } from './connection.ts';
import { parseRequest, pressedButton } from './parse.ts';
import { poll } from './poll.ts';
import { probe } from './probe.ts';
import { edit, react, send, sendFile, typing } from './send.ts';
import { verifySecret } from './verify.ts';

const mebibyte = 1024 * 1024;

export const telegram: ChannelAdapter<Credentials, Settings> = {
  kind: 'telegram',
  capabilities: {
    dialect: 'telegram',
    // "1-4096 characters after entities parsing", and offsets are in UTF-16: https://core.telegram.org/bots/api#sendmessage.
    limit: { max: 4096, unit: 'utf16' },
    idempotentSend: false,
    edit: defaultEditThrottle,
    // https://core.telegram.org/bots/api#sendchataction
    typing: { lastsMs: 5_000 },
    // One message a second in a chat, with short bursts, 20 a minute in a group, and some 30 a second in all. That edits
    // count is not said there; they do. https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
    rates: {
      chat: ['chat_id'],
      direct: { messages: 1, perMs: 1_000, burst: 3 },
      group: { messages: 20, perMs: 60_000, burst: 5 },
      connection: { messages: 30, perMs: 1_000 },
      edits: true,
    },
    threads: true,
    // https://core.telegram.org/bots/api#getfile, https://core.telegram.org/bots/api#senddocument
    files: { inMax: 20 * mebibyte, outMax: 50 * mebibyte },
    reactions: true,
    buttons: true,
  },
  credentials: Credentials,
  settings: Settings,
  hook: {
    verify: (request, { credentials }) => verifySecret(request, credentials.webhookSecret),
    parse: (request, connection) => parseRequest(request, meOf(connection)),
    // An answer may be a call: https://core.telegram.org/bots/api#making-requests-when-getting-updates.
    answer(request) {
      const callback_query_id = pressedButton(request);
      if (callback_query_id === undefined) return { status: 200 };
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ method: 'answerCallbackQuery', callback_query_id }),
      };
    },
  },
  connector: { isWanted: ({ receive }) => receive === 'polling', connect: poll },
  send,
  edit: (part, sent, _to, connection, context) => edit(part, sent, connection, context),
  typing,
  react,
  sendFile,
  download,
  probe,
};
