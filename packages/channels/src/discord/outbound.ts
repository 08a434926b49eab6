/** What we say on Discord: https://docs.discord.com/developers/resources/message#create-message */

import { createHash } from 'node:crypto';
import { shortenText } from '@nightshift/contracts';
import { z } from 'zod';
import {
  type Address,
  type Button,
  type CallContext,
  ChannelError,
  type OutgoingFile,
  type Part,
  type SendContext,
  type SendReceipt,
} from '../channel.ts';
import { callDiscord } from './api.ts';
import type { DiscordConnection } from './connection.ts';

const Sent = z.object({ id: z.string(), channel_id: z.string() });

/** Nobody is notified, whatever the text says: https://docs.discord.com/developers/resources/message#allowed-mentions-object */
const allowed_mentions = { parse: [], replied_user: false };

const buttonsPerRow = 5;
const maxRows = 5;
const maxLabel = 80;
const maxCustomId = 100;

/** https://docs.discord.com/developers/components/reference#button */
function toComponents(buttons: readonly Button[] = []): object[] {
  if (buttons.length > buttonsPerRow * maxRows)
    throw new ChannelError('rejected', `Discord shows at most ${buttonsPerRow * maxRows} buttons.`);
  const components = buttons.map(({ label, value }) => {
    if (value.length > maxCustomId)
      throw new ChannelError('rejected', `A button of Discord says at most ${maxCustomId} characters.`);
    return { type: 2, style: 2, label: shortenText(label, maxLabel), custom_id: value };
  });
  const rows = Math.ceil(components.length / buttonsPerRow);
  return Array.from({ length: rows }, (_, row) => ({
    type: 1,
    components: components.slice(row * buttonsPerRow, (row + 1) * buttonsPerRow),
  }));
}

/**
 * Discord drops a message whose nonce it has seen "in the past few minutes" and answers with the first one. A nonce has
 * at most 25 characters, so it is a digest.
 */
const nonceOf = (idempotencyKey: string) =>
  createHash('sha256').update(idempotencyKey).digest('base64url').slice(0, 24);

/** Where others read along, an answer hangs on what it answers; that may have been deleted meanwhile. */
const replyTo = ({ guildId, messageId }: Address) =>
  guildId && messageId ? { message_reference: { message_id: messageId, fail_if_not_exists: false } } : {};

const once = (idempotencyKey: string, to: Address) => ({
  allowed_mentions,
  nonce: nonceOf(idempotencyKey),
  enforce_nonce: true,
  ...replyTo(to),
});

function channelOf({ channelId }: Address): string {
  if (!channelId) throw new ChannelError('rejected', 'The address has no channel.');
  return `/channels/${encodeURIComponent(channelId)}`;
}

function messageOf({ channelId, messageId }: Readonly<Record<string, unknown>>): string {
  if (!channelId || !messageId) throw new ChannelError('gone', 'It is not known which message it is.');
  return `/channels/${encodeURIComponent(String(channelId))}/messages/${encodeURIComponent(String(messageId))}`;
}

function toReceipt(json: unknown): SendReceipt {
  const sent = Sent.safeParse(json);
  if (sent.success) return { channelId: sent.data.channel_id, messageId: sent.data.id };
  throw new ChannelError('ambiguous', 'Discord took the message, and its answer cannot be read.');
}

export async function send(
  { text, buttons }: Part,
  to: Address,
  connection: DiscordConnection,
  context: SendContext,
): Promise<SendReceipt> {
  const json = {
    content: text,
    ...once(context.idempotencyKey, to),
    ...(buttons?.length && { components: toComponents(buttons) }),
  };
  const path = `${channelOf(to)}/messages`;
  return toReceipt(await callDiscord({ method: 'POST', path, json }, connection, context));
}

/** An edit without `allowed_mentions` would notify: https://docs.discord.com/developers/resources/message#edit-message */
export async function edit(
  { text, buttons }: Part,
  sent: SendReceipt,
  connection: DiscordConnection,
  context: CallContext,
): Promise<void> {
  const json = { content: text, allowed_mentions, components: toComponents(buttons) };
  await callDiscord({ method: 'PATCH', path: messageOf(sent), json }, connection, context);
}

export async function typing(
  to: Address,
  connection: DiscordConnection,
  context: CallContext,
): Promise<void> {
  await callDiscord({ method: 'POST', path: `${channelOf(to)}/typing` }, connection, context);
}

export async function react(
  emoji: string,
  to: Address,
  connection: DiscordConnection,
  context: CallContext,
): Promise<void> {
  const path = `${messageOf(to)}/reactions/${encodeURIComponent(emoji)}/@me`;
  await callDiscord({ method: 'PUT', path }, connection, context);
}

/** https://docs.discord.com/developers/reference#uploading-files */
export async function sendFile(
  { name, mediaType, data }: OutgoingFile,
  to: Address,
  connection: DiscordConnection,
  context: SendContext,
): Promise<SendReceipt> {
  const form = new FormData();
  const payload = { ...once(context.idempotencyKey, to), attachments: [{ id: 0, filename: name }] };
  form.append('payload_json', JSON.stringify(payload));
  form.append('files[0]', new Blob([Buffer.from(data)], { type: mediaType }), name);
  const path = `${channelOf(to)}/messages`;
  return toReceipt(await callDiscord({ method: 'POST', path, form }, connection, context));
}
