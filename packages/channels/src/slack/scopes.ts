/** The scopes of the bot token (https://docs.slack.dev/reference/scopes), each with what it is for, in words. */
export const scopes = {
  'app_mentions:read': 'see where it is mentioned',
  'channels:history': 'read public channels that it is in',
  'channels:read': 'know what public channels are called',
  'groups:history': 'read private channels that it is in',
  'groups:read': 'know what private channels are called',
  'im:history': 'read direct messages to it',
  'mpim:history': 'read group direct messages that it is in',
  'chat:write': 'write messages',
  commands: 'be called by a slash command',
  'files:read': 'read files that people send',
  'files:write': 'send files',
  'reactions:write': 'react with emoji',
  'users:read': 'know what people are called',
} as const;

/** The events that the app subscribes to: https://docs.slack.dev/reference/events */
export const botEvents = [
  'app_mention',
  'message.channels',
  'message.groups',
  'message.im',
  'message.mpim',
] as const;

const purposes: Readonly<Record<string, string>> = scopes;

/** `send files (files:write) and react with emoji (reactions:write)`; a disjunction has `or` there. */
export function inWords(
  names: readonly string[],
  type: 'conjunction' | 'disjunction' = 'conjunction',
): string {
  const each = names.map((name) => (Object.hasOwn(purposes, name) ? `${purposes[name]} (${name})` : name));
  return new Intl.ListFormat('en-GB', { type }).format(each);
}
