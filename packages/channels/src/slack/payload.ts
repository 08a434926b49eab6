/**
 * What we read of Slack's payloads; whatever else they hold is left alone.
 * https://docs.slack.dev/apis/events-api, https://docs.slack.dev/interactivity
 */
import { z } from 'zod';
import { inboundMarks, inboundText } from '../inbound-text.ts';

const id = z.string().min(1).max(255);
const word = z.string().nullish();

/** https://docs.slack.dev/reference/objects/file-object */
export const SlackFile = z.object({
  id,
  name: word,
  title: word,
  mimetype: word,
  size: z.number().int().nonnegative().nullish(),
  mode: word,
  is_external: z.boolean().nullish(),
  permalink: word,
  url_private: word,
  url_private_download: word,
});

/** What only adds to a message: where it is not as documented, the message is read without it. */
const maybe = <T extends z.ZodType>(schema: T) => schema.nullish().catch(undefined);

/**
 * Messages that are shared or linked to, and what apps attach.
 * https://docs.slack.dev/reference/messaging/payload#legacy
 */
const Attached = z
  .object({
    is_share: maybe(z.boolean()),
    is_msg_unfurl: maybe(z.boolean()),
    author_id: maybe(z.string()),
    author_name: maybe(z.string()),
    author_subname: maybe(z.string()),
    channel_id: maybe(id),
    ts: maybe(id),
    pretext: maybe(inboundText),
    title: maybe(inboundText),
    text: maybe(inboundText),
    fallback: maybe(inboundText),
    blocks: z.unknown().optional(),
    message_blocks: maybe(
      inboundMarks(z.object({ message: maybe(z.object({ blocks: z.unknown().optional() })) })),
    ),
  })
  .catch({ blocks: undefined });

/** A message as it stands: https://docs.slack.dev/reference/events/message */
export const Post = z.object({
  subtype: word,
  ts: id,
  thread_ts: id.nullish(),
  /** Whose message the thread hangs on. */
  parent_user_id: word,
  user: word,
  /** The workspace of the user: https://docs.slack.dev/apis/slack-connect#events */
  user_team: word,
  source_team: word,
  bot_id: word,
  app_id: word,
  username: word,
  user_profile: z.object({ display_name: word, real_name: word, name: word }).nullish(),
  bot_profile: z.object({ app_id: word, name: word }).nullish(),
  text: inboundText.nullish(),
  files: z.array(SlackFile).nullish(),
  attachments: maybe(inboundMarks(Attached)),
  /** Those of Block Kit; `text` has the same words, unless an app leaves it out. */
  blocks: z.unknown().optional(),
  edited: z.object({ ts: id }).nullish(),
});

/** im, mpim, group or channel. Mentions come without it. */
const channelType = maybe(z.string());

export const Message = Post.extend({ channel: id, channel_type: channelType });
export const Changed = z.object({
  channel: id,
  channel_type: channelType,
  event_ts: id,
  message: Post,
  previous_message: Post.partial().nullish(),
});
export const Deleted = z.object({ channel: id, deleted_ts: id });

export const EventCallback = z.object({
  type: z.literal('event_callback'),
  team_id: id,
  api_app_id: word,
  event_id: id,
  /** One installation that may see the event: ours. */
  authorizations: z.array(z.object({ user_id: word, is_bot: z.boolean().nullish() })).nullish(),
  event: z.looseObject({ type: id, subtype: word }),
});

/** https://docs.slack.dev/interactivity/implementing-slash-commands */
export const SlashCommand = z.object({
  command: id,
  text: inboundText.nullish(),
  trigger_id: id,
  team_id: id,
  channel_id: id,
  /** A room's name; `directmessage` and `privategroup` where it is not told. */
  channel_name: word,
  user_id: id,
  user_name: word,
});

/** https://docs.slack.dev/reference/interaction-payloads/block_actions-payload */
export const BlockActions = z.object({
  type: z.literal('block_actions'),
  team: z.object({ id }),
  user: z.object({ id, name: word, username: word }),
  channel: z.object({ id, name: word }),
  container: z.object({ message_ts: id, thread_ts: id.nullish() }),
  message: z.object({ thread_ts: id.nullish() }).nullish(),
  actions: z.array(z.object({ action_id: id, action_ts: id, value: word })).min(1),
});

export type SlackFile = z.infer<typeof SlackFile>;
export type Post = z.infer<typeof Post>;
export type Attached = z.infer<typeof Attached>;
export type EventCallback = z.infer<typeof EventCallback>;
export type SlashCommand = z.infer<typeof SlashCommand>;
export type BlockActions = z.infer<typeof BlockActions>;

/** A file of another service, which our token opens nothing at. */
export const isElsewhere = ({ is_external, mode }: SlackFile) => is_external === true || mode === 'external';
