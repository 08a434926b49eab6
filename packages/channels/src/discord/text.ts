/** Discord's notation for references: https://docs.discord.com/developers/reference#message-formatting */
import { type Message, nameOf } from './payload.ts';

/** Who is spoken to. */
export interface Self {
  readonly id: string;
  /** Our own role in the server, which people take for us: it has our name. */
  readonly roleId: string | null;
}

/** With names in the place of ids, and without the mention of us that it begins with, unless that is all of it. */
export function toText({ content, mentions }: Pick<Message, 'content' | 'mentions'>, self: Self): string {
  const names = new Map(mentions?.map((user) => [user.id, nameOf(user, user.member?.nick)]));
  const isOurs = (kind: string, id: string) => id === (kind === '@&' ? self.roleId : self.id);
  const whole = content ?? '';
  const said = whole.replace(/^\s*<(@[!&]?)(\d+)>/, (all, kind, id) => (isOurs(kind, id) ? '' : all));
  return (said.trim() === '' ? whole : said)
    .replace(/<@!?(\d+)>/g, (all, id) => (names.get(id) ? `@${names.get(id)}` : all))
    .replace(/<a?(:\w+:)\d+>/g, '$1')
    .trim();
}
