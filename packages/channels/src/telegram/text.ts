/** What a message says, and whether to us: from its text and the entities over it. */
import type { Me } from './connection.ts';
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
  return replied !== undefined && String(replied.from?.id) === id && !isTopicStart(replied);
}

/** In a forum, whatever answers to nothing "replies" to the notice that its topic was created, which may be our own. */
const isTopicStart = (replied: RepliedMessage) => 'forum_topic_created' in replied;

/**
 * The text as plain text: hidden addresses are shown, our own name is taken out where it only addresses us, and what
 * is answered to is quoted below, unless the conversation has it anyway.
 */
export function readableText(message: Message, me: Me): string {
  const quote = quoteOf(message, me);
  const { text, entities } = markedText(message);
  const said = text ? withoutAddress(text, entities, me) : describe(message);
  // What follows a command is its argument.
  return quote && !said.startsWith('/') ? `${said}\n\n${quote}`.trim() : said;
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
function describe({ sticker, venue, location, contact }: RepliedMessage): string {
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

function quoteOf({ quote, reply_to_message: replied }: Message, me: Me): string | undefined {
  if (!replied || isTopicStart(replied)) return undefined;
  const chosen = quote?.is_manual ? quote.text : undefined;
  const isOurs = String(replied.from?.id) === me.id;
  const text = chosen ?? (isOurs ? '' : markedText(replied).text || describe(replied));
  if (!text) return undefined;
  const author = isOurs ? 'you' : (replied.sender_chat?.title ?? replied.from?.first_name ?? 'somebody');
  return `In reply to ${author}:\n${text.replace(/^/gm, '> ')}`;
}
