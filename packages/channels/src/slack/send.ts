/** Messages, edits, reactions, and the sign that an answer is being written. */
import { cutText, shortenText } from '@nightshift/contracts';
import type { types } from '@slack/bolt';
import {
  type Address,
  type Button,
  type CallContext,
  ChannelError,
  type Part,
  type SendReceipt,
} from '../channel.ts';
import { call } from './client.ts';
import { emojiName } from './emoji.ts';
import type { SlackConnection } from './settings.ts';
import { withoutPings } from './text.ts';

/** `parse` and `link_names` keep Slack from making mentions of plain words: chat.update would, unless told. */
const asWritten = { parse: 'none', link_names: false } as const;

/** https://docs.slack.dev/reference/methods/chat.postMessage */
export async function send(
  part: Part,
  to: Address,
  connection: SlackConnection,
  context: CallContext,
): Promise<SendReceipt> {
  const message = {
    ...contentOf(part),
    ...asWritten,
    channel: channelOf(to),
    unfurl_links: false,
    unfurl_media: false,
    ...(to.thread_ts && { thread_ts: to.thread_ts }),
  };
  const { channel, ts } = await call(
    'chat.postMessage',
    (client) => client.chat.postMessage(message),
    connection,
    context,
  );
  if (!channel || !ts) throw new ChannelError('ambiguous', 'Slack did not say which message it made.');
  return { channel, ts };
}

/** https://docs.slack.dev/reference/methods/chat.update: blocks that it does not repeat are taken away. */
export async function edit(
  part: Part,
  { channel, ts }: SendReceipt,
  _to: Address,
  connection: SlackConnection,
  context: CallContext,
): Promise<void> {
  const message = { ...contentOf(part), ...asWritten, channel: String(channel), ts: String(ts) };
  await call('chat.update', (client) => client.chat.update(message), connection, context);
}

/**
 * Under a thread Slack shows it for two minutes, or until we write there; elsewhere it has no such sign.
 * https://docs.slack.dev/reference/methods/assistant.threads.setStatus
 */
export async function typing(to: Address, connection: SlackConnection, context: CallContext): Promise<void> {
  const { thread_ts } = to;
  if (!thread_ts) return;
  const status = { channel_id: channelOf(to), thread_ts, status: 'is thinking…' };
  await call(
    'assistant.threads.setStatus',
    (client) => client.assistant.threads.setStatus(status),
    connection,
    context,
  );
}

export async function react(
  emoji: string,
  to: Address,
  connection: SlackConnection,
  context: CallContext,
): Promise<void> {
  const name = emojiName(emoji);
  if (!name) throw new ChannelError('rejected', `Slack has no name for ${emoji}.`);
  if (!to.ts) throw new ChannelError('rejected', 'There is no message to react to: commands show none.');
  const reaction = { channel: channelOf(to), timestamp: to.ts, name };
  try {
    await call('reactions.add', (client) => client.reactions.add(reaction), connection, context);
  } catch (error) {
    if (!(error instanceof ChannelError) || !error.message.endsWith('(already_reacted)')) throw error;
  }
}

export function channelOf({ channel }: Address): string {
  if (!channel) throw new ChannelError('rejected', 'The address names no channel of Slack.');
  return channel;
}

/** The longest text of a section, label and value of a button, and most buttons of a row: https://docs.slack.dev/reference/block-kit/blocks */
const max = { section: 3_000, label: 75, value: 2_000, row: 25 };

/** With blocks, `text` is what a notification shows. */
function contentOf({ text, buttons }: Part): { text: string; blocks?: types.KnownBlock[] } {
  const safe = withoutPings(text);
  if (!buttons?.length) return { text: safe };
  return { text: safe, blocks: [...sections(safe), ...rows(buttons)] };
}

function sections(text: string): types.SectionBlock[] {
  return cut(text, max.section).map((piece) => ({
    type: 'section',
    text: { type: 'mrkdwn', text: piece, verbatim: true },
    expand: true,
  }));
}

function rows(buttons: readonly Button[]): types.ActionsBlock[] {
  const elements = buttons.map(
    ({ label, value }, at): types.Button => ({
      type: 'button',
      action_id: `nightshift:${at}`,
      text: {
        type: 'plain_text',
        text: shortenText(label, max.label),
      },
      value: cutText(value, max.value),
    }),
  );
  return Array.from({ length: Math.ceil(elements.length / max.row) }, (_, row) => ({
    type: 'actions',
    elements: elements.slice(row * max.row, (row + 1) * max.row),
  }));
}

/** At the ends of lines, where there are any. */
function cut(text: string, size: number): string[] {
  if (text.length <= size) return [text];
  const lineEnd = text.lastIndexOf('\n', size);
  const end = lineEnd > 0 ? lineEnd : cutText(text, size).length;
  return [text.slice(0, end), ...cut(text.slice(end).replace(/^\n/, ''), size)];
}
