/** What a post says: its own words apart from those that it shares, in plain text. */
import type { QuotedMessage } from '../channel.ts';
import { maxInboundText } from '../inbound-text.ts';
import { forwardedFrom, type Quote, quotedMessage, textWithQuote } from '../particulars.ts';
import type { UnsupportedKind } from '../unsupported.ts';
import { textOfBlocks } from './blocks.ts';
import type { Ours } from './ours.ts';
import { type Attached, isElsewhere, type Post } from './payload.ts';
import { toText, withoutSalutation } from './text.ts';

export interface Saying {
  readonly text: string;
  /** Its own words as Slack writes them, in which mentions are found. */
  readonly mrkdwn: string;
  readonly quoted?: QuotedMessage;
  readonly forwarded?: { readonly from: string | null };
  readonly unsupported: readonly UnsupportedKind[];
}

export function sayingOf(post: Post, channel: string, ours: Ours): Saying {
  const attached = post.attachments ?? [];
  const shared = attached.filter(isShared);
  const mrkdwn = wordsOf(post, attached);
  const inWords = (text: string) => toText(text, ours.names.person).trim();
  // A mention and nothing more is still something said.
  const said = withoutSalutation(mrkdwn, ours.users) || mrkdwn;
  const links = (post.files ?? [])
    .filter(isElsewhere)
    .map((file) => `${file.title || file.name || 'File'}: ${file.permalink ?? file.url_private ?? ''}`);
  const own = [said, ...links].map(inWords).filter(Boolean).join('\n\n');
  const passedOn = shared
    .map((each) => inWords(wordsOfShared(each)))
    .filter(Boolean)
    .join('\n\n')
    .slice(0, maxInboundText);
  const parent = parentOf(post, channel, ours);
  // Who shares a message without a word passes on words of somebody else's; with some, they are about it.
  if (own === '' && passedOn !== '')
    return {
      text: passedOn,
      mrkdwn,
      ...(parent && { quoted: quotedMessage(parent) }),
      forwarded: forwardedFrom(shared.length === 1 ? authorOf(shared[0]!, ours)?.name : null),
      unsupported: [],
    };
  const [first] = shared;
  const quote = first && passedOn !== '' ? quoteOf(first, shared.length === 1, passedOn, ours) : parent;
  return { ...textWithQuote(own, quote), mrkdwn, unsupported: unreadIn(post, own) };
}

const isShared = ({ is_share, is_msg_unfurl }: Attached) => Boolean(is_share || is_msg_unfurl);

/** Apps may leave out the text, and say everything in blocks or in attachments. */
function wordsOf(post: Post, attached: readonly Attached[]): string {
  const text = post.text ?? '';
  if (text.trim() !== '') return text;
  const blocks = textOfBlocks(post.blocks);
  if (blocks.trim() !== '') return blocks;
  return attached
    .filter((each) => !isShared(each))
    .map(({ pretext, title, text, blocks, fallback }) => {
      const words = [pretext, title, text || textOfBlocks(blocks)].filter(Boolean).join('\n');
      return words || (fallback ?? '');
    })
    .filter(Boolean)
    .join('\n\n')
    .slice(0, maxInboundText);
}

function wordsOfShared({ text, message_blocks, blocks, fallback }: Attached): string {
  if (text?.trim()) return text;
  const inBlocks = (message_blocks ?? []).map((each) => textOfBlocks(each.message?.blocks));
  return [...inBlocks, textOfBlocks(blocks)].filter(Boolean).join('\n') || (fallback ?? '');
}

function authorOf({ author_id: id, author_name, author_subname }: Attached, { users, names }: Ours) {
  const name = author_name || author_subname || (id ? names.person(id) : null);
  return id || name ? { name: name ?? null, isSelf: users.has(id ?? '') } : null;
}

function quoteOf(shared: Attached, isAlone: boolean, text: string, ours: Ours): Quote {
  const { channel_id: channel, ts } = shared;
  return {
    messageId: isAlone && channel && ts ? `${channel}:${ts}` : null,
    author: isAlone ? authorOf(shared, ours) : null,
    text,
  };
}

/** Of a thread the first message, whose words are not told. */
function parentOf(
  { ts, thread_ts: threadTs, parent_user_id: user }: Post,
  channel: string,
  { users, names }: Ours,
): Quote | undefined {
  if (!threadTs || threadTs === ts) return undefined;
  return {
    messageId: `${channel}:${threadTs}`,
    author: user ? { name: names.person(user), isSelf: users.has(user) } : null,
    text: '',
  };
}

/** Of a post without words: what could not be made into any. */
function unreadIn({ files, attachments, blocks }: Post, own: string): UnsupportedKind[] {
  if (own !== '') return [];
  const isGone = (files ?? []).some(({ mode }) => mode === 'tombstone' || mode === 'hidden_by_limit');
  const isBlank = (files ?? []).length === 0;
  const hasCard = (attachments ?? []).length > 0 || (Array.isArray(blocks) && blocks.length > 0);
  return [...(isGone ? (['file'] as const) : []), ...(isBlank && hasCard ? (['card'] as const) : [])];
}
