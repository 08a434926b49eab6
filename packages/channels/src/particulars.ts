/**
 * What an event says beside its text: place, quote, origin, addressees. All of it is chosen by strangers, so it is cut to
 * size and freed of what could pass for a line of its own before anybody reads it.
 */
import { cutText, shortenText } from '@nightshift/contracts';
import type { Place, QuotedMessage } from './channel.ts';
import { maxInboundText } from './inbound-text.ts';

/** The bounds, in UTF-16 units and in entries. */
export const particularLimits = { name: 200, quoted: 500, addressees: 20, addressee: 320 } as const;

/** One line that people call something by. Null: nothing that can be read. */
export function nameOf(text: string | null | undefined): string | null {
  // Looked at as far as it can count, and once.
  const line = (text ?? '').slice(0, 4 * particularLimits.name).replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ');
  return shortenText(line.trim(), particularLimits.name) || null;
}

export const placeNamed = (kind: Place['kind'], name: string | null | undefined): Place => ({
  kind,
  name: nameOf(name),
});

export interface Quote {
  readonly messageId?: string | null;
  /** Null: the platform does not say who wrote it. */
  readonly author?: { readonly name: string | null | undefined; readonly isSelf: boolean } | null;
  readonly text: string;
}

export function quotedMessage({ messageId = null, author = null, text }: Quote): QuotedMessage {
  return {
    messageId,
    author: author && { name: nameOf(author.name), isSelf: author.isSelf },
    text: shortenText(text.trim(), particularLimits.quoted),
  };
}

/**
 * A text, and what it answers or quotes. A quote that is longer than what is shown of it stands below the text as well,
 * marked as one: "what does he mean?" is about all of it. What we wrote ourselves the conversation has anyway, and what
 * follows a command is its argument.
 */
export function textWithQuote(
  text: string,
  quote: Quote | undefined,
): { text: string; quoted?: QuotedMessage } {
  if (!quote) return { text };
  const quoted = quotedMessage(quote);
  const whole = quote.text.trim();
  const isShown = whole.length <= particularLimits.quoted;
  if (isShown || text === '' || text.startsWith('/') || quote.author?.isSelf) return { text, quoted };
  const below = `${quoted.author?.name ?? 'Somebody'} wrote:\n${whole.replace(/^/gm, '> ')}`;
  return { text: cutText(`${text}\n\n${below}`, maxInboundText), quoted };
}

/** Of a message that passes on what somebody else wrote. */
export const forwardedFrom = (name: string | null | undefined) => ({ from: nameOf(name) });

/** Addresses as a header writes them. */
export const addresseeList = (addresses: readonly string[]): string[] =>
  addresses
    .slice(0, particularLimits.addressees)
    .map((address) => shortenText(address.replace(/[\p{Cc}\s]+/gu, ' ').trim(), particularLimits.addressee))
    .filter(Boolean);
