/**
 * Main lines: where something is said in a room or to a person that answers nobody. Adapters name threads by messages;
 * what is left without them is the place itself.
 */
import type { Address } from '@nightshift/contracts';
import { digest } from './email/connection.ts';

export interface MainLine {
  readonly thread: Address;
  readonly threadKey: string;
}

type Fields = Record<string, string>;

/** The fields of an address that are there. */
const only = (thread: Address, ...names: string[]): Fields =>
  Object.fromEntries(names.flatMap((name) => (thread[name] === undefined ? [] : [[name, thread[name]]])));

/** How a kind's threads become places; null: a thread of it is none. Other kinds' threads are places as they are. */
const mainLines: Readonly<Record<string, (thread: Address, key: string) => MainLine | null>> = {
  slack: ({ channel = '' }) => ({ thread: { channel }, threadKey: channel }),
  // A thread is a channel of its own there.
  discord: (thread, key) => ({ thread: only(thread, 'channelId', 'guildId'), threadKey: key }),
  teams: ({ serviceUrl = '', conversationId = '' }) => {
    const room = conversationId.split(';messageid=', 1)[0]!;
    return { thread: { serviceUrl, conversationId: room }, threadKey: room };
  },
  telegram: ({ chat_id = '' }) => ({ thread: { chat_id }, threadKey: chat_id }),
  whatsapp: (thread, key) => ({ thread: only(thread, 'group', 'phone', 'user'), threadKey: key }),
  xmpp: (thread, key) => ({ thread: only(thread, 'to', 'type'), threadKey: key }),
  // Whom a mail goes to is its place. A mail to several people is a conversation of theirs and nothing that others join.
  email: ({ to = '', cc }) => (cc || to.includes(',') || !to ? null : mailTo(to)),
};

/** A mail that answers none. Its thread is named as answers to it will be (email/threading.ts). */
function mailTo(address: string): MainLine {
  const root = digest(`main line\n${address}`, 16);
  const threadKey = digest([root, address].join('\n'));
  const subject = 'A message from your agent';
  return { thread: { to: address, subject, begins: 'true', root, key: threadKey.slice(0, 8) }, threadKey };
}

/** Null: it is no place that can be spoken to on its own. */
export function mainLineOf(kind: string, { thread, threadKey }: MainLine): MainLine | null {
  const known = mainLines[kind];
  return known ? known(thread, threadKey) : { thread, threadKey };
}

/** Whether it is somebody at a host, without whitespace and without a sign that would make it more. */
function isAddress(text: string, sign: string): boolean {
  const [local, host, ...more] = text.split('@');
  return Boolean(local && host) && more.length === 0 && !text.includes(sign) && !/\s/.test(text);
}

/** Where the platform's id of a person is an address as well. */
const directLines: Readonly<Record<string, (id: string) => MainLine | null>> = {
  email: (id) => (isAddress(id, ',') ? mailTo(id.toLowerCase()) : null),
  sms: (id) => ({ thread: { to: id }, threadKey: id }),
  telegram: (id) => ({ thread: { chat_id: id }, threadKey: id }),
  xmpp: (id) => (isAddress(id, '/') ? { thread: { to: id, type: 'chat' }, threadKey: id } : null),
};

/** Null: the platform has to be told by a message of theirs where they are. */
export const directLineOf = (kind: string, personId: string): MainLine | null =>
  directLines[kind]?.(personId) ?? null;
