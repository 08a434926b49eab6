/**
 * What we read of Slack's payloads; whatever else they hold is left alone.
 * https://docs.slack.dev/apis/events-api, https://docs.slack.dev/interactivity
 */
import { z } from 'zod';
import { inboundText } from '../inbound-text.ts';

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
  /** Forwarded messages are attachments that are shared. */
  attachments: z
    .array(z.object({ is_share: z.boolean().nullish(), author_name: word, text: inboundText.nullish() }))
    .nullish(),
  edited: z.object({ ts: id }).nullish(),
});

export const Message = Post.extend({ channel: id });
export const Changed = z.object({
  channel: id,
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
  user_id: id,
  user_name: word,
});

/** https://docs.slack.dev/reference/interaction-payloads/block_actions-payload */
export const BlockActions = z.object({
  type: z.literal('block_actions'),
  team: z.object({ id }),
  user: z.object({ id, name: word, username: word }),
  channel: z.object({ id }),
  container: z.object({ message_ts: id, thread_ts: id.nullish() }),
  message: z.object({ thread_ts: id.nullish() }).nullish(),
  actions: z.array(z.object({ action_id: id, action_ts: id, value: word })).min(1),
});

export type SlackFile = z.infer<typeof SlackFile>;
export type Post = z.infer<typeof Post>;
export type EventCallback = z.infer<typeof EventCallback>;
export type SlashCommand = z.infer<typeof SlashCommand>;
export type BlockActions = z.infer<typeof BlockActions>;
