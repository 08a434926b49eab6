/** What a message says beside its words: where it stands, what it answers, whose words it passes on, what is not read. */
import type { MessageEvent, Place } from '../channel.ts';
import { forwardedFrom, placeNamed, type Quote } from '../particulars.ts';
import { type UnsupportedKind, unknownKind, unsupportedField } from '../unsupported.ts';
import type { Me } from './connection.ts';
import { mentionsOthers, withoutMarkup } from './text.ts';
import type { Message, Origin, RepliedMessage, User } from './updates.ts';

export const fullName = ({ first_name, last_name, username }: User): string | null =>
  [first_name, last_name].filter(Boolean).join(' ') || username || null;

/** Of a forum's topic the name is the forum's: what a topic is called is told only when it is made or changed. */
export function whereIs({
  chat,
  is_topic_message: inTopic,
}: Pick<Message, 'chat' | 'is_topic_message'>): Place {
  if (chat.type === 'private') return { kind: 'direct', name: null };
  return placeNamed(inTopic ? 'topic' : 'group', chat.title);
}

type Particulars = Pick<MessageEvent, 'forwarded' | 'mentionsOthers' | 'unsupported'>;

export function particularsOf(message: Message, me: Me): Particulars {
  return {
    ...(message.forward_origin && { forwarded: forwardedFrom(authorOf(message.forward_origin)) }),
    ...(mentionsOthers(message, me) && { mentionsOthers: true }),
    ...unsupportedField(unsupportedIn(message)),
  };
}

/** What it answers, or quotes of it. */
export function quoteIn(message: Message, me: Me): Quote | undefined {
  const { reply_to_message: replied, external_reply: external, quote } = message;
  if (replied && !isTopicStart(replied)) {
    const { from, sender_chat: chat } = replied;
    // When a chat speaks, `from` is a made-up user for older programs.
    const isSelf = !chat && String(from?.id) === me.id;
    const author = chat || from ? { name: chat ? chat.title : fullName(from!), isSelf } : null;
    const text = quote?.is_manual ? quote.text : withoutMarkup(replied);
    return { messageId: `${replied.chat.id}:${replied.message_id}`, author, text };
  }
  if (!external) return undefined;
  const { origin, chat, message_id: id } = external;
  return {
    messageId: chat && id !== undefined ? `${chat.id}:${id}` : null,
    author: { name: authorOf(origin), isSelf: String(origin.sender_user?.id) === me.id },
    // The words of another chat's message are not told, but for what was chosen of them.
    text: quote?.text ?? '',
  };
}

/** In a forum, whatever answers to nothing "replies" to the notice that its topic was created, which may be our own. */
export const isTopicStart = (replied: RepliedMessage) => 'forum_topic_created' in replied;

/** https://core.telegram.org/bots/api#messageorigin */
function authorOf(origin: Origin): string | null {
  const { sender_user: user, sender_user_name: hidden, sender_chat, chat, author_signature } = origin;
  if (user) return fullName(user);
  return hidden ?? (sender_chat ?? chat)?.title ?? author_signature ?? null;
}

const unsupported: Readonly<Record<string, UnsupportedKind>> = {
  poll: 'poll',
  sticker: 'sticker',
  dice: 'dice',
  game: 'game',
  invoice: 'invoice',
  story: 'story',
  reply_to_story: 'story',
  giveaway: 'giveaway',
  gift: 'gift',
  unique_gift: 'gift',
  checklist: 'checklist',
  paid_media: 'paid media',
  live_photo: 'media',
  passport_data: 'form',
  web_app_data: 'form',
};

/** Notices: nobody says anything by them. https://core.telegram.org/bots/api#message */
const notices = new Set([
  ...['new_chat_members', 'left_chat_member', 'chat_owner_left', 'chat_owner_changed', 'new_chat_title'],
  ...['new_chat_photo', 'delete_chat_photo', 'group_chat_created', 'supergroup_chat_created'],
  ...['channel_chat_created', 'message_auto_delete_timer_changed', 'migrate_to_chat_id'],
  ...['migrate_from_chat_id', 'pinned_message', 'successful_payment', 'refunded_payment', 'users_shared'],
  ...['chat_shared', 'connected_website', 'write_access_allowed', 'proximity_alert_triggered'],
  ...['boost_added', 'chat_background_set', 'checklist_tasks_done', 'checklist_tasks_added'],
  ...['direct_message_price_changed', 'paid_message_price_changed', 'forum_topic_created'],
  ...['forum_topic_edited', 'forum_topic_closed', 'forum_topic_reopened', 'general_forum_topic_hidden'],
  ...['general_forum_topic_unhidden', 'giveaway_created', 'giveaway_winners', 'giveaway_completed'],
  ...['gift_upgrade_sent', 'poll_option_added', 'poll_option_deleted', 'managed_bot_created'],
  ...['suggested_post_approved', 'suggested_post_approval_failed', 'suggested_post_declined'],
  ...['suggested_post_paid', 'suggested_post_refunded', 'community_chat_added', 'community_chat_removed'],
  ...['community_chat_joined', 'video_chat_scheduled', 'video_chat_started', 'video_chat_ended'],
  ...['video_chat_participants_invited'],
]);

/** Fields that say how a message was sent; any other says what it is. */
const circumstances = new Set([
  ...['message_id', 'message_thread_id', 'is_topic_message', 'from', 'sender_chat', 'sender_tag', 'chat'],
  ...['date', 'edit_date', 'reply_to_message', 'external_reply', 'quote', 'via_bot', 'forward_origin'],
  ...['reply_markup', 'media_group_id', 'has_protected_content', 'author_signature', 'is_from_offline'],
  ...['sender_boost_count', 'business_connection_id', 'sender_business_bot', 'effect_id', 'is_paid_post'],
  ...['paid_star_count', 'link_preview_options', 'show_caption_above_media', 'has_media_spoiler'],
  ...['reply_to_checklist_task_id', 'suggested_post_info', 'is_automatic_forward'],
]);

/** Names of the fields that say what a message is. */
const contentsOf = (message: Message): string[] =>
  Object.entries(message).flatMap(([key, value]) =>
    value === undefined || circumstances.has(key) ? [] : [key],
  );

const readable = new Set([
  ...['text', 'entities', 'caption', 'caption_entities', 'rich_message', 'photo', 'document', 'animation'],
  ...['audio', 'voice', 'video', 'video_note', 'location', 'venue', 'contact'],
]);

/** What the message is by its fields: the name of a notice, `empty`, or null where somebody says something. */
export function noticeIn(message: Message): string | null {
  const contents = contentsOf(message);
  const notice = contents.find((key) => notices.has(key));
  if (notice) return notice;
  return contents.length === 0 ? 'empty' : null;
}

export const contentOf = (message: Message): string => contentsOf(message)[0] ?? 'empty';

function unsupportedIn(message: Message): UnsupportedKind[] {
  const contents = contentsOf(message);
  const known = contents.flatMap((key) => (Object.hasOwn(unsupported, key) ? unsupported[key]! : []));
  // A field that is new beside others says more of them; alone it is all that there is.
  const isKnown = contents.some((key) => readable.has(key) || Object.hasOwn(unsupported, key));
  return isKnown ? known : [unknownKind];
}
