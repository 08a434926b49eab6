/**
 * What a message says, apart from what is in its body only for programs that know less: https://xmpp.org/extensions/xep-0428.html
 */
import type { Element } from '@xmpp/client';
import { maxInboundText } from '../inbound-text.ts';
import { ns } from './connection.ts';

export interface Body {
  readonly text: string;
  /** Of what it answers, as the body repeats it; blank: it does not. */
  readonly quote: string;
}

/** What such a part repeats, as far as it is read from elsewhere in the message. */
const understood: ReadonlySet<string> = new Set([ns.reply, ns.reactions, ns.retract]);

/** More ranges than a body has. */
const maxRanges = 20;

export function bodyOf(stanza: Element): Body {
  const whole = (stanza.getChildText('body') ?? '').slice(0, maxInboundText);
  const fallbacks = stanza
    .getChildren('fallback', ns.fallback)
    .slice(0, maxRanges)
    .filter(({ attrs }) => understood.has(attrs.for ?? ''));
  if (fallbacks.length === 0) return { text: whole.trim(), quote: '' };
  // "Offsets are counted in Unicode code points."
  const characters = [...whole];
  const said = characters.map((): boolean => true);
  let quote = '';
  for (const fallback of fallbacks) {
    const [start, end] = rangeOf(fallback, characters.length);
    said.fill(false, start, end);
    if (fallback.attrs.for === ns.reply) quote = characters.slice(start, end).join('');
  }
  return {
    text: characters
      .filter((_character, at) => said[at])
      .join('')
      .trim(),
    quote: quote.replace(/^> ?/gm, '').trim(),
  };
}

/** All of it, where it names no range. */
function rangeOf(fallback: Element, length: number): [number, number] {
  const { start, end } = fallback.getChild('body')?.attrs ?? {};
  const at = (text: string | undefined, otherwise: number) =>
    /^\d{1,9}$/.test(text ?? '') ? Math.min(Number(text), length) : otherwise;
  return [at(start, 0), at(end, length)];
}
