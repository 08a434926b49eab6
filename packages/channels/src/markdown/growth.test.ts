/** Reading and writing a message takes time with its length, whatever a model or a stranger puts into it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Growth, growthOfSlow } from '../../../../test/support/growth/measure.ts';
import { pumps, repeated, shapes } from '../../../../test/support/markdown/shapes.ts';
import { draftBlocks } from '../web/blocks.ts';
import { dialects, renderers } from './dialects/index.ts';
import { parseMarkdown } from './parse.ts';
import { renderParts } from './render.ts';

/** Long enough for growth to show. Twice as much is the most that is parsed. */
const longest = 64 * 1024;

type Text = (length: number) => string;

/** What takes more than three times as long for twice the text. */
function slow(text: Text): string[] {
  const found: string[] = [];
  const note = (what: string, growth: Growth | null) =>
    growth && found.push(`${what} ${describeGrowth(growth)}`);
  const trees = new Map<number, ReturnType<typeof parseMarkdown>>();
  const treeOf = (length: number) => {
    const tree = trees.get(length) ?? parseMarkdown(text(length));
    trees.set(length, tree);
    return tree;
  };
  // Parses, closes what is open, and writes for the web chat.
  note('as a draft', growthOfSlow(text, draftBlocks, longest));
  for (const dialect of dialects) note(dialect, growthOfSlow(treeOf, renderers[dialect], longest));
  return found;
}

/** What fits into one message is written once, what does not many times: to find where it is to be cut. */
function slowInParts(text: Text): string[] {
  const format = { dialect: 'whatsapp', limit: { max: 300, unit: 'utf16' }, maxParts: 10 } as const;
  const growth = growthOfSlow(text, (some) => renderParts(some, format), 2 * longest);
  return growth ? [`in parts ${describeGrowth(growth)}`] : [];
}

const describeGrowth = ({ length, once, twice }: Growth) =>
  `takes ${Math.round(once)} ms for ${length}, ${Math.round(twice)} ms for twice as much`;

describe('a message of', () => {
  it.each(shapes)('%s', (_name, text) => {
    expect(slow(text)).toEqual([]);
  });
});

it('a message of several of these', () => {
  const some = fc.array(fc.constantFrom(...Object.values(pumps)), { minLength: 2, maxLength: 4 });
  const together = fc.constantFrom('', ' ', '\n', '\n\n');
  fc.assert(
    fc.property(some, together, fc.boolean(), (parts, joint, isMixed) => {
      const mixed: Text = (length) => repeated(parts.join(joint), length);
      const inTurn: Text = (length) =>
        parts.map((part) => repeated(part, Math.ceil(length / parts.length))).join(joint);
      const text = isMixed ? mixed : inTurn;
      expect([...slow(text), ...slowInParts(text)]).toEqual([]);
    }),
    { seed: 20261130, numRuns: 5 },
  );
});
