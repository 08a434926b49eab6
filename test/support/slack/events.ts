/** What Slack tells of: https://docs.slack.dev/apis/events-api/#callback-field */
import { bot, channels, newTs, team } from './workspace.ts';

/** `more` may tell of another app than ours. */
export const callback = (event: object, more: object = {}) => ({
  type: 'event_callback',
  team_id: team.id,
  api_app_id: bot.app,
  event_id: `Ev${newTs().replace('.', '')}`,
  event_time: Math.floor(Date.now() / 1000),
  authorizations: [{ team_id: team.id, user_id: bot.user, is_bot: true }],
  event: { event_ts: newTs(), ...event },
  ...more,
});

/** A message of Ann's to the bot, or in a room of others. */
export const posted = (text: string, more: object = {}) => ({
  type: 'message',
  user: 'U0ANN',
  ts: newTs(),
  team: team.id,
  channel: channels.direct,
  channel_type: 'im',
  text,
  ...more,
});
