/** A server of Discord's, and what is dispatched of it, by the examples of https://docs.discord.com/developers. */

export const botToken = 'MTA2OTYzNTI0ODA0MDI5MjM1Mg.GfAkE0.onlyForTests_onlyForTests_onlyForTests';

export const bot = { id: '1069635248040292352', username: 'nightshift', global_name: null, bot: true };
export const ann = { id: '53908232506183680', username: 'ann', global_name: 'Ann' };
export const otherBot = { id: '204255221017214977', username: 'YAGPDB.xyz', global_name: null, bot: true };

export const guildId = '290926798626357999';
export const roomId = '290926798626357250';
export const threadId = '1170481735862157312';
export const directId = '319674150115610528';
/** The bot may not see it, may not write in it. */
export const hiddenId = '290926798626357001';
export const silentId = '290926798626357002';
export const botRoleId = '1069635248040292399';

/** Snowflakes have their time in them; these only count. */
let counter = 1_170_500_000_000_000_000n;
export const newSnowflake = () => String(++counter);

export interface MessageParts {
  id?: string;
  channel_id?: string;
  author?: object;
  content?: string;
  [field: string]: unknown;
}

/** In a channel of the server. */
export const posted = (parts: MessageParts = {}) => ({
  id: '334385199974967042',
  channel_id: roomId,
  channel_type: 0,
  guild_id: guildId,
  type: 0,
  author: ann,
  member: { nick: null, roles: [], joined_at: '2023-01-01T00:00:00.000000+00:00' },
  content: 'Supa Hot',
  mentions: [],
  mention_roles: [],
  mention_everyone: false,
  attachments: [],
  embeds: [],
  pinned: false,
  tts: false,
  timestamp: '2026-07-11T17:27:07.299000+00:00',
  edited_timestamp: null,
  flags: 0,
  components: [],
  ...parts,
});

/** Between a person and the bot. */
export const whispered = (parts: MessageParts = {}) => {
  const { guild_id, member, ...message } = posted({ channel_id: directId, channel_type: 1, ...parts });
  return message;
};

export const pressed = (customId: string, parts: object = {}) => ({
  id: '846462639134605312',
  application_id: bot.id,
  type: 3,
  token: 'unique-interaction-token',
  version: 1,
  guild_id: guildId,
  channel_id: roomId,
  channel: { id: roomId, type: 0, parent_id: '290926798626357100' },
  member: { user: ann, nick: 'Annie', roles: [], permissions: '17179869183' },
  message: posted({ id: '846461639134605399', author: bot }),
  data: { custom_id: customId, component_type: 2 },
  ...parts,
});
