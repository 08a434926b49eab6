/** What goes out. */
import { GrammyError, InputFile, type RawApi } from 'grammy';
import type { InlineKeyboardMarkup, MessageEntity } from 'grammy/types';
import {
  type Address,
  type Button,
  type CallContext,
  ChannelError,
  type OutgoingFile,
  type Part,
  type SendReceipt,
} from '../channel.ts';
import { callApi } from './api.ts';
import type { TelegramConnection } from './connection.ts';
import { isUnchanged } from './errors.ts';
import { withoutPings } from './pings.ts';

/** Where a message goes, in the API's words. */
interface Place {
  chat_id: string;
  message_thread_id?: number;
  reply_parameters?: { message_id: number; allow_sending_without_reply: true };
}

export async function send(
  part: Part,
  to: Address,
  connection: TelegramConnection,
  context: CallContext,
): Promise<SendReceipt> {
  const content = contentOf(part);
  return post(to, connection, context, (api, place) => api.sendMessage({ ...place, ...content }));
}

export async function sendFile(
  { name, data }: OutgoingFile,
  to: Address,
  connection: TelegramConnection,
  context: CallContext,
): Promise<SendReceipt> {
  // grammY writes the name into a header as it is.
  const safeName = name.replace(/[\p{Cc}";\\/]+/gu, '_');
  return post(to, connection, context, (api, place) =>
    api.sendDocument({ ...place, document: new InputFile(data, safeName) }),
  );
}

export async function edit(
  part: Part,
  { chat_id, message_id }: SendReceipt,
  connection: TelegramConnection,
  context: CallContext,
): Promise<void> {
  const content = contentOf(part);
  await callApi(connection, context, async (api) => {
    try {
      await api.editMessageText({ chat_id: String(chat_id), message_id: Number(message_id), ...content });
    } catch (error) {
      if (!(error instanceof GrammyError) || !isUnchanged(error)) throw error;
    }
  });
}

export async function typing(
  to: Address,
  connection: TelegramConnection,
  context: CallContext,
): Promise<void> {
  const { reply_parameters: _, ...place } = placeOf(to);
  await callApi(connection, context, (api) => api.sendChatAction({ ...place, action: 'typing' }));
}

export async function react(
  emoji: string,
  { chat_id = '', message_id }: Address,
  connection: TelegramConnection,
  context: CallContext,
): Promise<void> {
  if (!message_id) throw new ChannelError('rejected', 'There is no message to react to.');
  // Telegram knows its reactions without the selectors that keyboards put behind them; any other emoji it refuses.
  const plain = emoji.replaceAll('\uFE0F', '');
  const reaction = [{ type: 'emoji', emoji: plain }] as Parameters<
    RawApi['setMessageReaction']
  >[0]['reaction'];
  await callApi(connection, context, (api) =>
    api.setMessageReaction({ chat_id, message_id: Number(message_id), ...(reaction && { reaction }) }),
  );
}

type Posted = { message_id: number; chat: { id: number } };

async function post(
  to: Address,
  connection: TelegramConnection,
  context: CallContext,
  call: (api: RawApi, place: Place) => Promise<Posted>,
): Promise<SendReceipt> {
  return callApi(connection, context, async (api) => {
    try {
      return receiptOf(await call(api, placeOf(to)));
    } catch (error) {
      const movedTo = error instanceof GrammyError ? error.parameters.migrate_to_chat_id : undefined;
      if (movedTo === undefined) throw error;
      // The group has become a supergroup, and has another id. Nothing was sent to the old one, and ids of its
      // messages mean nothing in the new one. https://core.telegram.org/bots/api#responseparameters
      return receiptOf(await call(api, { chat_id: String(movedTo) }));
    }
  });
}

const receiptOf = ({ message_id, chat }: Posted): SendReceipt => ({ chat_id: String(chat.id), message_id });

function placeOf({ chat_id = '', message_thread_id: thread, message_id }: Address): Place {
  // Among many, an answer shows what it answers; ids of groups are negative.
  const answers = chat_id.startsWith('-') && message_id !== undefined;
  return {
    chat_id,
    ...(thread !== undefined && { message_thread_id: Number(thread) }),
    ...(answers && {
      reply_parameters: { message_id: Number(message_id), allow_sending_without_reply: true },
    }),
  };
}

function contentOf(part: Part) {
  const { text, entities } = withoutPings(part);
  return {
    text,
    // Entities rather than a parse mode: no text of a model can break them, or be one.
    ...(entities.length > 0 && { entities: entities as MessageEntity[] }),
    // Telegram fetches what it previews, which would tell that server whatever a model was tricked into linking to.
    link_preview_options: { is_disabled: true },
    ...(part.buttons?.length && { reply_markup: keyboardOf(part.buttons) }),
  };
}

/** https://core.telegram.org/bots/api#inlinekeyboardbutton */
const mostDataBytes = 64;

/** Buttons with few letters stand in one row. */
const rowLetters = 30;

function keyboardOf(buttons: readonly Button[]): InlineKeyboardMarkup {
  if (buttons.some(({ value }) => Buffer.byteLength(value) > mostDataBytes))
    throw new ChannelError('rejected', `The value of a button is longer than ${mostDataBytes} bytes.`);
  const keys = buttons.map(({ label, value }) => ({ text: label, callback_data: value }));
  const letters = buttons.reduce((sum, { label }) => sum + label.length, 0);
  return { inline_keyboard: letters <= rowLetters ? [keys] : keys.map((key) => [key]) };
}
