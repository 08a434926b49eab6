/**
 * The Bot API as its documentation describes it, https://core.telegram.org/bots/api, as far as the product uses it. It
 * refuses what the documentation does not allow, and shows what people in its chats would see.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Reaction } from '../channel/index.ts';
import { chatActions, checkText, pingsOf, reactionEmoji } from './checks.ts';
import { answerOf, badRequest, Refusal } from './refusal.ts';
import { type Call, readCall, type UploadedFile } from './request.ts';
import { createUpdates, type Webhook } from './updates.ts';

export interface TelegramOptions {
  token?: string;
  username?: string;
  chats?: readonly FakeChat[];
  /** What is behind `getFile`, by file id. */
  files?: ReadonlyMap<string, Buffer>;
  /** Where the address of a webhook leads to on this machine. Default: the address itself. */
  reach?(url: string): string;
}

export interface FakeChat {
  id: number;
  type: 'private' | 'group' | 'supergroup';
  title?: string;
  first_name?: string;
  /** Ids of its topics, where it is a forum. */
  topics?: readonly number[];
  /** It is a supergroup now, with this id. */
  movedTo?: number;
  /** Why the bot may not write there: 'bot was blocked by the user'. */
  forbidden?: string;
}

export interface Shown {
  text: string;
  to: Record<string, string>;
  messageId: number;
  entities: readonly object[];
  buttons: readonly { text: string; callback_data: string }[];
  /** Whom it notifies. */
  pings: readonly string[];
  /** The id of the message that it answers. */
  answers?: number;
  file?: UploadedFile;
  reactions: string[];
}

export interface FakeTelegram {
  readonly url: string;
  readonly token: string;
  readonly username: string;
  /** Names of the methods that were called, in order. */
  readonly calls: string[];
  /** Arguments of the last call of a method. */
  lastArgs(method: string): Record<string, unknown> | undefined;
  /** The bot's messages as they stand, oldest first. */
  shown(): Shown[];
  /** An update without its id: `{message: {…}}`. With a webhook it resolves once that has been called. @returns its id */
  deliver(update: Record<string, unknown>): Promise<number>;
  /** A text of somebody to the bot, with what else the message has. @returns its message id */
  say(text: string, more?: Record<string, unknown>): Promise<number>;
  /** Updates that were neither confirmed nor taken. */
  pending(): number;
  webhook(): Webhook | undefined;
  /** The callback queries that were answered. */
  readonly answered: string[];
  /** How it answers from now on; undefined: as it should. */
  react(how: (method: string) => Reaction | undefined): void;
  shut(): Promise<void>;
  /** Where it was, after `shut`. */
  open(): Promise<void>;
  close(): Promise<void>;
}

export const ann = { id: 4711, is_bot: false, first_name: 'Ann', last_name: 'Lee', username: 'annlee' };

const defaultChats: readonly FakeChat[] = [
  { id: 4711, type: 'private', first_name: 'Ann' },
  { id: -100200300, type: 'supergroup', title: 'Sales' },
  { id: -100500600, type: 'supergroup', title: 'Forum', topics: [7] },
];

export async function startTelegram(options: TelegramOptions = {}): Promise<FakeTelegram> {
  const { token = '123456:AAFakeTokenOfTheTests_0123456789-abc', username = 'nightshift_bot' } = options;
  const chats = new Map((options.chats ?? defaultChats).map((chat) => [chat.id, chat]));
  const botId = Number(token.split(':')[0]);
  const messages = new Map<string, Shown>();
  const calls: string[] = [];
  const lastArgs = new Map<string, Call['args']>();
  const answered: string[] = [];
  let lastMessageId = 1000;
  let reaction: (method: string) => Reaction | undefined = () => undefined;

  const keyOf = (chatId: unknown, messageId: unknown) => `${chatId}:${messageId}`;

  function chatOf({ chat_id, message_thread_id: topic }: Call['args']): FakeChat {
    if (chat_id === undefined || chat_id === '') throw badRequest('chat_id is empty');
    const chat = chats.get(Number(chat_id));
    if (!chat) throw badRequest('chat not found');
    if (chat.movedTo !== undefined)
      throw new Refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
        migrate_to_chat_id: chat.movedTo,
      });
    if (chat.forbidden) throw new Refusal(403, `Forbidden: ${chat.forbidden}`);
    if (topic !== undefined && !chat.topics?.includes(Number(topic)))
      throw badRequest('message thread not found');
    return chat;
  }

  function place(args: Call['args'], more: Pick<Shown, 'text'> & Partial<Shown>) {
    const chat = chatOf(args);
    const { message_id: answers, allow_sending_without_reply: anyway } = args.reply_parameters ?? {};
    if (answers !== undefined && !anyway && !messages.has(keyOf(chat.id, answers)))
      throw badRequest('message to be replied not found');
    lastMessageId += 1;
    const to = {
      chat_id: String(chat.id),
      ...(args.message_thread_id !== undefined && { message_thread_id: String(args.message_thread_id) }),
    };
    messages.set(keyOf(chat.id, lastMessageId), {
      to,
      messageId: lastMessageId,
      entities: args.entities ?? [],
      buttons: args.reply_markup?.inline_keyboard?.flat() ?? [],
      pings: pingsOf({ ...args, text: more.text }),
      reactions: [],
      ...(answers !== undefined && { answers }),
      ...more,
    });
    return messageOf(chat, lastMessageId, more.text);
  }

  const messageOf = ({ id, type, title }: FakeChat, message_id: number, text: string) => ({
    message_id,
    from: { id: botId, is_bot: true, first_name: 'Nightshift', username },
    chat: { id, type, ...(title && { title }) },
    date: Math.floor(Date.now() / 1000),
    text,
  });

  function existing(args: Call['args'], words: string): Shown {
    const chat = chatOf(args);
    const message = messages.get(keyOf(chat.id, args.message_id));
    if (!message) throw badRequest(words);
    return message;
  }

  const updates = createUpdates(
    async (method, args) => call(method, { args, files: new Map() }),
    options.reach ?? ((url) => url),
  );

  const methods: Record<string, (call: Call) => unknown> = {
    getMe: () => ({
      ...{ id: botId, is_bot: true, first_name: 'Nightshift', username },
      ...{ can_join_groups: true, can_read_all_group_messages: false, supports_inline_queries: false },
    }),
    getUpdates: ({ args }) => updates.getUpdates(args),
    setWebhook: ({ args }) => (args.url ? updates.setWebhook(args) : updates.deleteWebhook()),
    deleteWebhook: () => updates.deleteWebhook(),
    getWebhookInfo: () => updates.getWebhookInfo(),
    sendMessage({ args }) {
      checkText(args);
      return place(args, { text: args.text });
    },
    editMessageText({ args }) {
      checkText(args);
      const message = existing(args, 'message to edit not found');
      const buttons = args.reply_markup?.inline_keyboard?.flat() ?? [];
      const next = { text: args.text, entities: args.entities ?? [], buttons, pings: pingsOf(args) };
      const now = {
        text: message.text,
        entities: message.entities,
        buttons: message.buttons,
        pings: message.pings,
      };
      if (JSON.stringify(next) === JSON.stringify(now))
        throw badRequest(
          'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
        );
      Object.assign(message, next);
      return messageOf(chatOf(args), message.messageId, args.text);
    },
    sendDocument({ args, files }) {
      const file = files.get(String(args.document).replace(/^attach:\/\//, ''));
      if (!file) throw badRequest('there is no document in the request');
      if (file.data.length > 50 * 1024 * 1024) throw new Refusal(413, 'Request Entity Too Large');
      if (file.data.length === 0) throw badRequest('file must be non-empty');
      return place(args, { text: '', file });
    },
    sendChatAction({ args }) {
      chatOf(args);
      if (!chatActions.has(args.action)) throw badRequest('wrong parameter action in request');
      return true;
    },
    setMessageReaction({ args }) {
      const chat = chatOf(args);
      const emoji = (args.reaction ?? []).map((each: { emoji: string }) => each.emoji);
      if (emoji.length > 1) throw badRequest('REACTIONS_TOO_MANY');
      if (emoji.some((each: string) => !reactionEmoji.has(each))) throw badRequest('REACTION_INVALID');
      messages.get(keyOf(chat.id, args.message_id))?.reactions.push(...emoji);
      return true;
    },
    answerCallbackQuery({ args }) {
      if (!args.callback_query_id)
        throw badRequest('query is too old and response timeout expired or query ID is invalid');
      answered.push(args.callback_query_id);
      return true;
    },
    getFile({ args }) {
      const file = options.files?.get(args.file_id);
      if (!file) throw badRequest('invalid file_id');
      if (file.length > 20 * 1024 * 1024) throw badRequest('file is too big');
      return {
        file_id: args.file_id,
        file_unique_id: `u${args.file_id}`,
        file_size: file.length,
        file_path: `documents/${args.file_id}.bin`,
      };
    },
  };

  async function call(method: string, made: Call): Promise<unknown> {
    const known = methods[method];
    if (!known) throw new Refusal(404, 'Not Found');
    lastArgs.set(method, made.args);
    return known(made);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, area = '', ...rest] = decodeURIComponent(request.url ?? '').split('/');
    const isFile = area === 'file';
    const method = isFile ? 'file' : (rest[0] ?? '');
    calls.push(method);
    const made = await readCall(request);
    const how = reaction(method);
    if (how === 'hang') return;
    if (how === 'drop') return void request.socket.destroy();
    if (how) return void setTimeout(() => reply(response, how), how.afterMs ?? 0);

    const given = (isFile ? rest[0]! : area).replace(/^bot/, '');
    if (!/^\d+:[\w-]+$/.test(given)) throw new Refusal(404, 'Not Found');
    if (given !== token) throw new Refusal(401, 'Unauthorized');
    if (isFile) {
      const data = options.files?.get(rest.at(-1)!.replace(/\.bin$/, ''));
      if (!data) throw new Refusal(404, 'Not Found');
      return void response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(data);
    }
    reply(response, json(200, { ok: true, result: await call(method, made) }));
  }

  const json = (status: number, body: object) => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const reply = (response: ServerResponse, how: Exclude<Reaction, string>) =>
    response.writeHead(how.status, how.headers).end(how.body);

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      if (error instanceof Refusal) reply(response, json(error.code, answerOf(error)));
      else reply(response, json(500, answerOf(new Refusal(500, `Internal Server Error: ${error}`))));
    });
  });
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const shut = () =>
    new Promise<void>((resolve) => {
      updates.close();
      server.close(() => resolve());
      server.closeAllConnections();
    });

  return {
    url: `http://127.0.0.1:${port}`,
    token,
    username,
    calls,
    lastArgs: (method) => lastArgs.get(method),
    shown: () => [...messages.values()],
    deliver: (update) => updates.deliver(update),
    async say(text, more = {}) {
      lastMessageId += 1;
      const message_id = lastMessageId;
      const chat = { id: ann.id, type: 'private', first_name: ann.first_name };
      const date = Math.floor(Date.now() / 1000);
      await updates.deliver({ message: { message_id, from: ann, chat, date, text, ...more } });
      return message_id;
    },
    pending: () => updates.pending(),
    webhook: () => updates.webhook(),
    answered,
    react(how) {
      reaction = how;
    },
    shut,
    open: () => listen(port),
    close: () => (server.listening ? shut() : Promise.resolve()),
  };
}
