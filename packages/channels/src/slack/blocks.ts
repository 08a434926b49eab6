/**
 * What blocks say, as mrkdwn: for messages that have no text beside them, such as those of workflows and other apps.
 * https://docs.slack.dev/reference/block-kit/blocks
 */
import { maxInboundText } from '../inbound-text.ts';

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (node: unknown): Fields =>
  typeof node === 'object' && node !== null && !Array.isArray(node) ? (node as Fields) : {};
const listOf = (node: unknown): readonly unknown[] => (Array.isArray(node) ? node : []);
const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Plain text, written so that it is read back as it stands. */
const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

/** More than a message can have, of a list that may be anything. */
const maxBlocks = 500;

/** Blank: nothing in them is said in words. */
export const textOfBlocks = (blocks: unknown): string =>
  listOf(blocks).slice(0, maxBlocks).map(textOfBlock).filter(Boolean).join('\n').slice(0, maxInboundText);

function textOfBlock(block: unknown): string {
  const { type, text, fields, elements, title, alt_text: alternative, rows } = fieldsOf(block);
  switch (type) {
    case 'rich_text':
      return listOf(elements).map(textOfRichText).join('\n');
    case 'section':
    case 'header':
    case 'markdown':
      return [text, ...listOf(fields)].map(textOfObject).filter(Boolean).join('\n');
    case 'context':
      return listOf(elements).map(textOfObject).filter(Boolean).join(' ');
    case 'image':
    case 'video':
      return textOfObject(title) || escaped(stringOf(alternative));
    case 'table':
      return listOf(rows)
        .map((row) => listOf(row).map(textOfCell).join('\t'))
        .join('\n');
    default:
      return '';
  }
}

const textOfCell = (cell: unknown): string =>
  fieldsOf(cell).type === 'rich_text' ? textOfBlock(cell) : textOfObject(cell);

/** https://docs.slack.dev/reference/block-kit/composition-objects/text-object, or a string */
function textOfObject(object: unknown): string {
  if (typeof object === 'string') return object;
  const { type, text, alt_text: alternative } = fieldsOf(object);
  if (type === 'image') return escaped(stringOf(alternative));
  return type === 'mrkdwn' ? stringOf(text) : escaped(stringOf(text));
}

/** https://docs.slack.dev/reference/block-kit/blocks/rich-text-block */
function textOfRichText(node: unknown): string {
  const { type, elements } = fieldsOf(node);
  const parts = listOf(elements).map(textOfRichText);
  if (type === 'rich_text_list') return parts.map((part) => `• ${part}`).join('\n');
  if (type === 'rich_text_quote') return parts.join('').replace(/^/gm, '&gt; ');
  if (Array.isArray(elements)) return parts.join('');
  return textOfElement(fieldsOf(node));
}

function textOfElement({
  type,
  text,
  url,
  user_id,
  channel_id,
  usergroup_id,
  name,
  range,
  fallback,
}: Fields) {
  switch (type) {
    case 'user':
      return `<@${stringOf(user_id)}>`;
    case 'channel':
      return `<#${stringOf(channel_id)}>`;
    case 'usergroup':
      return `<!subteam^${stringOf(usergroup_id)}>`;
    case 'broadcast':
      return `<!${stringOf(range)}>`;
    case 'emoji':
      return `:${stringOf(name)}:`;
    case 'link':
      return text ? `${escaped(stringOf(text))} (${escaped(stringOf(url))})` : escaped(stringOf(url));
    case 'date':
      return escaped(stringOf(fallback));
    default:
      return escaped(stringOf(text));
  }
}
