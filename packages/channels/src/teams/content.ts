/**
 * What a message holds beside its text: what it answers, and cards in words.
 * https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference
 */
import { maxInboundText } from '../inbound-text.ts';
import type { Quote } from '../particulars.ts';
import { toLines } from './cards.ts';
import { type Activity, type Attachment, MessageReference, QuotedReply } from './payload.ts';

/** Entities and attachments that are looked at. */
const most = 100;

/** What it answers: by an entity, by an attachment, or as HTML, by how old the client is. */
export function quoteIn(activity: Activity, appId: string): Quote | undefined {
  const { entities, attachments, conversation } = activity;
  const idOf = (id: string | null | undefined) => (id ? `${conversation.id}/${id}` : null);
  const isUs = (id: string | null | undefined) => id?.toLowerCase().replace(/^28:/, '') === appId;
  for (const entity of (entities ?? []).slice(0, most)) {
    const quoted = QuotedReply.safeParse(entity).data?.quotedReply;
    if (!quoted) continue;
    const { messageId, senderId, senderName, preview } = quoted;
    const author = senderId || senderName ? { name: senderName, isSelf: isUs(senderId) } : null;
    return { messageId: idOf(messageId), author, text: preview ?? '' };
  }
  for (const { contentType, content } of (attachments ?? []).slice(0, most)) {
    if (contentType === 'messageReference') {
      const { messageId, messagePreview, messageSender } = referenceIn(content) ?? {};
      const sender = messageSender?.user ?? messageSender?.application;
      const author = sender
        ? { name: sender.displayName, isSelf: isUs(messageSender?.application?.id) }
        : null;
      return { messageId: idOf(messageId), author, text: messagePreview ?? '' };
    }
    const inHtml = contentType === 'text/html' && typeof content === 'string' ? quoteInHtml(content) : null;
    if (inHtml)
      return {
        messageId: idOf(inHtml.messageId),
        author: inHtml.name ? { name: inHtml.name, isSelf: isUs(inHtml.senderId) } : null,
        text: inHtml.text,
      };
  }
  return undefined;
}

function referenceIn(content: unknown) {
  try {
    return MessageReference.safeParse(typeof content === 'string' ? JSON.parse(content) : content).data;
  } catch {
    return undefined;
  }
}

/** How clients have written a quote: a block, in which are a name with its id, and a preview. */
const opening = /<blockquote\b[^<>]*\bitemtype="https?:\/\/schema\.skype\.com\/Reply"[^<>]*>/i;

function quoteInHtml(html: string) {
  const begin = opening.exec(html.slice(0, maxInboundText));
  if (!begin) return null;
  const from = begin.index + begin[0].length;
  const end = html.indexOf('</blockquote>', from);
  const block = html.slice(from, end < 0 ? undefined : end).slice(0, maxInboundText);
  const [, senderId, name = ''] =
    /<strong\b[^<>]*\bitemid="([^"<>]{1,200})"[^<>]*>([^<>]{0,300})<\/strong>/i.exec(block) ?? [];
  const preview = /<p\b[^<>]*\bitemprop="(?:preview|copy)"[^<>]*>/i.exec(block);
  return {
    messageId: /\bitemid="([^"<>]{1,200})"/i.exec(begin[0])?.[1],
    senderId,
    name: toLines(name).join(' '),
    text: toLines(preview ? block.slice(preview.index) : block).join('\n'),
  };
}

/** Without the quote that a client has put before its text, which has the same words as the preview. */
export const withoutPlaceholder = (text: string): string =>
  text.replace(/<quoted\b[^<>]*\/?>(?:<\/quoted>)?/gi, '');

const cardTypes = /^application\/vnd\.microsoft\.(?:card\.|teams\.card\.)/;

export const isCard = ({ contentType }: Attachment) => cardTypes.test(contentType ?? '');

/** Fields of cards that are shown as words, in the order in which cards show them. */
const shown = ['title', 'subtitle', 'text', 'summary', 'speak', 'altText', 'value'];
const lists = ['body', 'items', 'columns', 'rows', 'cells', 'facts', 'sections', 'inlines', 'card', 'images'];

/** The words of cards; blank: they have none. */
export const textOfCards = (attachments: readonly Attachment[]): string =>
  attachments
    .filter(isCard)
    .slice(0, most)
    .flatMap(({ content }) => wordsIn(content))
    .join('\n')
    .slice(0, maxInboundText)
    .trim();

/** A payload is nested less deeply than the stack is. */
function wordsIn(node: unknown): string[] {
  if (typeof node === 'string') return node.trim() === '' ? [] : [node];
  if (Array.isArray(node)) return node.flatMap(wordsIn);
  if (typeof node !== 'object' || node === null) return [];
  const fields = node as Readonly<Record<string, unknown>>;
  const words = shown.flatMap((name) => (typeof fields[name] === 'string' ? [fields[name]] : []));
  return [...words.filter((each) => each.trim() !== ''), ...lists.flatMap((name) => wordsIn(fields[name]))];
}
