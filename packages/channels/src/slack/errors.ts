/**
 * What Slack's errors mean for a message. Each method's page lists its own:
 * https://docs.slack.dev/reference/methods/chat.postMessage#errors
 */
import { webApi } from '@slack/bolt';
import { ChannelError, type ChannelErrorKind } from '../channel.ts';
import { retryAfterMs, toChannelError } from '../http.ts';
import { inWords } from './scopes.ts';

const renew = 'Install the app to the workspace again, and put its new bot token here.';

const meanings: Readonly<Record<string, readonly [ChannelErrorKind, string]>> = {
  invalid_auth: ['auth', 'Slack does not know the token.'],
  not_authed: ['auth', 'Slack was sent no token.'],
  account_inactive: ['auth', `The app was removed from the workspace, or its token is deleted. ${renew}`],
  token_revoked: ['auth', `The token was revoked. ${renew}`],
  token_expired: [
    'auth',
    `The token has expired: the app changes its tokens. Make one without token rotation.`,
  ],
  not_allowed_token_type: ['auth', 'Slack takes another kind of token here.'],
  team_access_not_granted: ['auth', 'The app is not allowed in this workspace.'],
  org_login_required: ['auth', 'The workspace is being moved to an Enterprise organization.'],
  user_removed_from_team: ['auth', 'The app was removed from the workspace.'],
  team_disabled: ['auth', 'The workspace is disabled.'],
  forbidden_team: ['auth', 'The workspace does not allow this.'],

  channel_not_found: [
    'rejected',
    'Slack finds no such channel, or the app is not in it. Invite it there: /invite',
  ],
  not_in_channel: ['rejected', 'The app is not in the channel. Invite it there: /invite'],
  is_archived: ['rejected', 'The channel is archived.'],
  is_inactive: ['rejected', 'The channel is archived or frozen.'],
  msg_too_long: ['rejected', 'The message is too long for Slack.'],
  msg_blocks_too_long: ['rejected', 'The message is too long for Slack.'],
  no_text: ['rejected', 'The message is empty.'],
  messages_tab_disabled: [
    'rejected',
    'Direct messages are off: turn on the Messages Tab under "App Home" of the app.',
  ],
  restricted_action: ['rejected', 'The workspace does not let apps write there.'],
  restricted_action_read_only_channel: ['rejected', 'The channel is read-only.'],
  restricted_action_thread_only_channel: ['rejected', 'The channel takes only replies in threads.'],
  restricted_action_non_threadable_channel: ['rejected', 'The channel takes no replies in threads.'],
  restricted_action_thread_locked: ['rejected', 'The thread is locked.'],
  ekm_access_denied: ['rejected', 'The administrators have suspended messages there.'],
  message_limit_exceeded: ['rejected', 'The workspace has reached the limit of its messages.'],
  file_uploads_disabled: ['rejected', 'The workspace takes no files.'],
  file_uploads_except_images_disabled: ['rejected', 'The workspace takes no files but images.'],
  file_type_not_allowed: ['rejected', 'The workspace takes no files of this type.'],
  file_upload_size_restricted: ['rejected', 'The file is larger than the workspace takes.'],
  storage_limit_reached: ['rejected', 'The workspace has no room for more files.'],
  file_not_found: ['rejected', 'The file is no longer there.'],
  file_deleted: ['rejected', 'The file was deleted.'],

  message_not_found: ['gone', 'The message is no longer there.'],
  cant_update_message: ['gone', 'The message cannot be changed.'],
  edit_window_closed: ['gone', 'The workspace no longer lets the message be changed.'],

  ratelimited: ['retry', 'Slack asks to slow down.'],
  rate_limited: ['retry', 'Slack asks to slow down.'],
  accesslimited: ['retry', 'Slack limits access on this network.'],
  service_unavailable: ['retry', 'Slack is not available.'],
  request_timeout: ['retry', 'The request did not reach Slack as a whole.'],
  team_added_to_org: ['retry', 'The workspace is being moved to an Enterprise organization.'],
  // "It's possible some aspect of the operation succeeded before the error was raised."
  fatal_error: ['ambiguous', 'Something broke at Slack.'],
  internal_error: ['ambiguous', 'Something broke at Slack.'],
};

/** Without these nothing works; what other methods may not do stops only them. */
const vital = new Set(['chat.postMessage', 'auth.test', 'apps.connections.open']);

/** @param method of Slack's Web API */
export function toSlackError(error: unknown, method: string): ChannelError {
  if (error instanceof webApi.WebAPIRequestError) return toChannelError(error.original);
  if (!(error instanceof webApi.WebAPIPlatformError)) return toChannelError(error);
  const { error: code, needed } = error.data as { error?: unknown; needed?: unknown };
  const cause = { cause: error };
  // The client takes a body that is no JSON for an error code.
  if (typeof code !== 'string' || !/^[a-z_]{1,60}$/.test(code))
    return new ChannelError('ambiguous', 'Slack answered something that is not of its API.');
  if (code === 'missing_scope') {
    const missing = typeof needed === 'string' && needed !== '' ? `: ${inWords(needed.split(/[,|]/))}` : '.';
    const fix = 'Add the scope under "OAuth & Permissions" of the app, and install it again.';
    return new ChannelError(
      vital.has(method) ? 'auth' : 'rejected',
      `The app lacks a permission${missing}. ${fix}`.replace('..', '.'),
      cause,
    );
  }
  const [kind, words] = (Object.hasOwn(meanings, code) && meanings[code]) || [
    'rejected',
    'Slack refuses it.',
  ];
  const { retryAfter } = error.data.response_metadata ?? {};
  return new ChannelError(kind, `${words} (${code})`, {
    ...cause,
    ...(kind === 'retry' && {
      retryAfterMs: typeof retryAfter === 'number' ? retryAfter * 1000 : undefined,
      pauses: pausesOf(method),
    }),
  });
}

/**
 * Slack counts by method and workspace, posts by room, too: one a second, in which it is nearly always the room that is
 * meant. https://docs.slack.dev/apis/web-api/rate-limits
 */
const pausesOf = (method: string) => (method === 'chat.postMessage' ? 'thread' : 'channel');

/** An answer by its status: Slack itself says everything with 200 but a rate limit. Its body is not looked at. */
export function statusError({ status, headers }: Response, method: string): ChannelError {
  if (status === 429) {
    return new ChannelError('retry', 'Slack asks to slow down. (429)', {
      retryAfterMs: retryAfterMs(headers, Date.now()),
      pauses: pausesOf(method),
    });
  }
  const message = `Slack answered ${status}.`;
  if (status === 401 || status === 403) return new ChannelError('auth', message);
  return new ChannelError(status >= 500 ? 'ambiguous' : 'rejected', message);
}
