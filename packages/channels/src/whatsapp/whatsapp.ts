/**
 * WhatsApp through Meta's Cloud API: https://developers.facebook.com/documentation/business-messaging/whatsapp
 *
 * A conversation is with a person or, where Meta lets a business have groups, with a group. Messages that were sent can
 * be changed by nobody, and a text may be sent for 24 hours after a person last wrote.
 */
import { z } from 'zod';
import { type ChannelAdapter, ChannelError, type SendReceipt } from '../channel.ts';
import { Credentials, Settings } from './connection.ts';
import { download, maxFileBytes, sendFile } from './files.ts';
import { callGraph } from './graph.ts';
import { parse } from './inbound.ts';
import { maxText, messageOf, recipientOf } from './outbound.ts';
import { probe } from './probe.ts';
import { answer, verify } from './verify.ts';

const Sent = z.object({ messages: z.tuple([z.object({ id: z.string() })], z.unknown()) });

/** It went out, even when the answer does not say under which name. */
function receiptOf(answered: unknown): SendReceipt {
  const id = Sent.safeParse(answered).data?.messages[0].id;
  return id === undefined ? {} : { id };
}

export const whatsapp: ChannelAdapter<Credentials, Settings> = {
  kind: 'whatsapp',
  capabilities: {
    dialect: 'whatsapp',
    limit: { max: maxText, unit: 'utf16' },
    idempotentSend: false,
    edit: null,
    // https://developers.facebook.com/documentation/business-messaging/whatsapp/typing-indicators
    typing: { lastsMs: 25_000 },
    // One message in 6 s to a person, of which up to 45 may be taken in advance, and 80 a second from a number (error
    // 131056, 130429). https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
    rates: {
      chat: ['phone', 'user', 'group'],
      direct: { messages: 1, perMs: 6_000, burst: 20 },
      group: { messages: 1, perMs: 6_000, burst: 20 },
      connection: { messages: 80, perMs: 1_000 },
      edits: false,
    },
    threads: false,
    files: { inMax: maxFileBytes, outMax: maxFileBytes },
    reactions: true,
    buttons: true,
  },
  credentials: Credentials,
  settings: Settings,
  hook: { verify, parse, answer },

  async send(part, to, connection, context) {
    const path = `${connection.settings.phoneNumberId}/messages`;
    return receiptOf(await callGraph({ path, json: messageOf(part, to) }, connection, context));
  },

  /** Marks what it answers as read, too: the API does both at once. */
  async typing({ group, message }, connection, context) {
    if (group !== undefined || message === undefined) return;
    const path = `${connection.settings.phoneNumberId}/messages`;
    const json = {
      messaging_product: 'whatsapp',
      status: 'read',
      message_id: message,
      typing_indicator: { type: 'text' },
    };
    await callGraph({ path, json }, connection, context);
  },

  async react(emoji, to, connection, context) {
    if (to.message === undefined) throw new ChannelError('rejected', 'There is no message to react to.');
    const path = `${connection.settings.phoneNumberId}/messages`;
    const json = { ...recipientOf(to), type: 'reaction', reaction: { message_id: to.message, emoji } };
    await callGraph({ path, json }, connection, context);
  },

  sendFile: async (file, to, connection, context) => receiptOf(await sendFile(file, to, connection, context)),
  download,
  probe,
};
