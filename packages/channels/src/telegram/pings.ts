/**
 * The last guard against notifying people by accident: text comes here without mentions, but Telegram makes one of any
 * `@name` that it finds outside of code and links (https://core.telegram.org/bots/api#messageentity).
 */
import type { Part } from '../channel.ts';
import type { TelegramEntity } from '../markdown/render.ts';

/** Not of an address (a@b.example), and not within a URL. */
const mention = /(?<![\w/])@(?=\w)/g;

const holdsNoMention = ({ type }: TelegramEntity) =>
  type === 'code' || type === 'pre' || type === 'text_link';

/** A wide ＠ is as long as the other one, so all offsets stay. A link to a person (tg://user?id=1) is a mention, too. */
export function withoutPings({ text, entities = [] }: Part): {
  text: string;
  entities: readonly TelegramEntity[];
} {
  const kept = entities.filter(
    (entity) => entity.type !== 'text_link' || /^(https?|mailto|tel):/i.test(entity.url),
  );
  const quiet = kept.filter(holdsNoMention);
  const isQuiet = (at: number) => quiet.some(({ offset, length }) => at >= offset && at < offset + length);
  return { text: text.replace(mention, (sign, at: number) => (isQuiet(at) ? sign : '＠')), entities: kept };
}
