/** For platforms where `*`, `_`, `~` and `` ` `` mark spans and cannot be escaped. */
import { zeroWidthSpace } from '../characters.ts';
import type { Notation, TextPlace } from '../notation.ts';

const opening = /(?<![\p{L}\p{N}])[*_~`](?!\s)/gu;

/**
 * The text with a zero-width space beside each character that would open a span, and before a `>` that would begin a
 * quote. A character that stands alone in its line is left: it opens nothing, and `~/path` is there to be copied.
 */
export function hushed(
  text: string,
  { repeats, isLineStart, isAddress }: TextPlace,
  side: 'before' | 'after',
): string {
  if (isAddress) return text;
  const hushed = text.replace(opening, (character) => {
    if (!repeats(character)) return character;
    return side === 'before' ? zeroWidthSpace + character : character + zeroWidthSpace;
  });
  return isLineStart && hushed.startsWith('>') ? zeroWidthSpace + hushed : hushed;
}

/** Code that a platform would end at the first fence in it. */
export function withoutFences(code: string): string {
  return code.replace(/`(?=``)/g, `\`${zeroWidthSpace}`);
}

/** What WhatsApp and XMPP write alike. */
export const styling = {
  spans: { strong: '*', emphasis: '_', delete: '~' },
  escapable: false,
  code: (text) => (text.includes('`') ? null : `\`${text}\``),
  link: (label) => label,
  escapeCode: withoutFences,
  quote: '> ',
} satisfies Partial<Notation>;
