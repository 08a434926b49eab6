/** What a message says, and whether to us: from its text and the entities over it. */
import type { Me } from './connection.ts';
import { richText } from './rich-text.ts';
import type { Entity, Message, RepliedMessage } from './updates.ts';

interface Marked {
  text: string;
  entities: readonly Entity[];
}

/** Of a message or of the caption of a file. */
export function markedText({ text, entities, caption, caption_entities }: RepliedMessage): Marked {
  return text === undefined
    ? { text: caption ?? '', entities: caption_entities ?? [] }
    : { text, entities: entities ?? [] };
}

const covered = (text: string, { offset, length }: Entity) => text.slice(offset, offset + length);

/** `/new@our_bot` → `@our_bot`; undefined for `/new`. */
const addresseeOf = (command: string) => /@\w+$/.exec(command)?.[0].toLowerCase();

/**
 * Whether a message in a group is for us: it mentions us, commands us by name, or answers to us. A bare `/new` is for
 * whichever bot knows it, so it is not.
 */
export function isAddressed(message: Message, me: Me): boolean {
  const { text, entities } = markedText(message);
  const addressees = entities
    .filter(({ type }) => type === 'bot_command')
    .flatMap((command) => addresseeOf(covered(text, command)) ?? []);
  if (addressees.length > 0) return me.mention !== null && addressees.includes(me.mention);
  return entities.some((entity) => isMention(text, entity, me)) || isReplyToUs(message, me);
}

function isMention(text: string, entity: Entity, { id, mention }: Me): boolean {
  if (entity.type === 'text_mention') return String(entity.user?.id) === id;
  return entity.type === 'mention' && covered(text, entity).toLowerCase() === mention;
}

function isReplyToUs({ reply_to_message: replied }: Message, { id }: Me): boolean {
  return replied !== undefined && String(replied.from?.id) === id && !('forum_topic_created' in replied);
}

/** Whether it mentions anybody but us. Mentions by name may also name a room, which is nobody's. */
export function mentionsOthers(message: Message, me: Me): boolean {
  const { text, entities } = markedText(message);
  return entities.some(
    (entity) => ['mention', 'text_mention'].includes(entity.type) && !isMention(text, entity, me),
  );
}

/** The text as plain text: hidden addresses are shown, our own name is taken out where it only addresses us. */
export function readableText(message: Message, me: Me): string {
  const { text, entities } = markedText(message);
  return text ? withoutAddress(text, entities, me) : describe(message);
}

/** The text of a message that is quoted: whom it is for does not matter any more. */
export function withoutMarkup(message: RepliedMessage): string {
  return markedText(message).text || describe(message);
}

function withoutAddress(text: string, entities: readonly Entity[], me: Me): string {
  let result = text;
  for (const entity of entities.toSorted((one, other) => other.offset - one.offset)) {
    const end = entity.offset + entity.length;
    const replace = (by: string) => {
      result = result.slice(0, entity.offset) + by + result.slice(end);
    };
    const part = covered(text, entity);
    if (entity.type === 'text_link' && entity.url) replace(`${part} (${entity.url})`);
    if (entity.type === 'bot_command' && addresseeOf(part) === me.mention)
      replace(part.slice(0, part.indexOf('@')));
    if (isMention(text, entity, me) && text.slice(0, entity.offset).trim() === '') {
      const rest = result.slice(end).replace(/^[\s,:]+/, '');
      if (rest) result = rest;
    }
  }
  return result;
}

/** Words for what has none. */
function describe({ sticker, venue, location, contact, rich_message: rich }: RepliedMessage): string {
  if (rich) return richText(rich.blocks);
  if (sticker?.emoji) return sticker.emoji;
  if (venue) return `Place: ${venue.title}, ${venue.address} (${coordinates(venue.location)})`;
  if (location) return `Place: ${coordinates(location)}`;
  if (contact) {
    const name = [contact.first_name, contact.last_name].filter(Boolean).join(' ');
    return `Contact: ${name}, ${contact.phone_number}`;
  }
  return '';
}

const coordinates = ({ latitude, longitude }: { latitude: number; longitude: number }) =>
  `${latitude}, ${longitude}`;
