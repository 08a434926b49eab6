/** The kit's question about texts that do not fit into one message, through the adapter's own sending. */
import { type ChannelAdapter, type Part, renderMessage, type SendReceipt } from '@nightshift/channels';
import { expect, it } from 'vitest';

interface Meeting {
  peer: { shown(): { text: string }[] };
  send(part: Part, idempotencyKey: string): Promise<SendReceipt>;
}

/** Each is one character to whoever reads it: families of emoji, a flag, letters with accents of their own, Hebrew with points. */
const characters = [
  '👩‍👩‍👧‍👦',
  '🇨🇭',
  '👍🏽',
  'e\u0301\u0323',
  'ש\u05c1\u05b8',
  'ل\u064e',
  '한',
  'क्षि',
  '𝕏',
  'x',
];

export function describeSplit(
  // biome-ignore lint/suspicious/noExplicitAny: each adapter has its own credentials and settings
  adapter: ChannelAdapter<any, any>,
  meet: () => Meeting,
): void {
  const { max } = adapter.capabilities.limit;

  it('is cut between what people take for characters, and nothing of it is lost', async () => {
    const { peer, send } = meet();
    const said = Array.from({ length: Math.ceil((max * 2.5) / 40) }, () => characters).flat();
    const { parts } = renderMessage(said.join(''), adapter.capabilities);
    expect(parts.length).toBeGreaterThan(1);
    for (const [at, part] of parts.entries()) await send(part, `delivery:${at}`);
    // As people see it: without the notation of those that have one around every text.
    const shown = peer.shown().map(({ text }) => text.replace(/<[^>]*>|\n/g, ''));
    expect(shown.join('')).toBe(said.join(''));
    const known = new Set(characters);
    const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
    for (const text of shown)
      for (const { segment } of segmenter.segment(text)) expect(known.has(segment), segment).toBe(true);
  });
}
