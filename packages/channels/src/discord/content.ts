/** What a message says beside its text, in words as far as it has any. */
import { maxInboundText } from '../inbound-text.ts';
import { type UnsupportedKind, unknownKind } from '../unsupported.ts';
import type { Content, Message } from './payload.ts';

/** Of embeds and components: for messages without a text, as programs write them. */
export function textOfParts({ embeds, components }: Content): string {
  const embedded = (embeds ?? []).map(({ title, description, url, fields }) =>
    [title, description, ...(fields ?? []).map(({ name, value }) => `${name}: ${value}`), url]
      .filter(Boolean)
      .join('\n'),
  );
  return [...embedded, ...textsIn(components)].filter(Boolean).join('\n\n').slice(0, maxInboundText);
}

/** https://docs.discord.com/developers/components/reference#text-display */
const textDisplay = 10;

/** The words of nested components. A payload is nested less deeply than the stack is. */
function textsIn(components: unknown): string[] {
  if (!Array.isArray(components)) return [];
  return components.flatMap((component: unknown) => {
    const { type, content, components: below } = (component ?? {}) as Readonly<Record<string, unknown>>;
    return [...(type === textDisplay && typeof content === 'string' ? [content] : []), ...textsIn(below)];
  });
}

const isThere = (list: readonly unknown[] | null | undefined) => (list?.length ?? 0) > 0;

/** What of a message was made into no words and no files. `isBlank`: it has neither. */
export function unreadIn(
  message: Message,
  contents: readonly Content[],
  isBlank: boolean,
): UnsupportedKind[] {
  const kinds = contents.flatMap(({ poll, sticker_items, activity }): UnsupportedKind[] => [
    ...(poll ? (['poll'] as const) : []),
    ...(isThere(sticker_items) ? (['sticker'] as const) : []),
    ...(activity ? (['game'] as const) : []),
  ]);
  if (!isBlank || kinds.length > 0) return kinds;
  if (contents.some(({ embeds, components }) => isThere(embeds) || isThere(components))) return ['card'];
  // In a server, content is kept from who is not allowed to read it; between a person and us nothing is.
  return message.guild_id ? [] : [unknownKind];
}
