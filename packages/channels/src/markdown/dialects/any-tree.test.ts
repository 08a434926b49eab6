import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pieces } from '../../../../../test/support/markdown/texts.ts';
import type { Block, Inline, ListItem, Root, TableRow } from '../tree.ts';
import { dialects, renderers } from './index.ts';

const value = fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 40 }));
const url = fc.oneof(value, fc.webUrl());
const flag = fc.constantFrom(true, false, null);
const shallow = { depthSize: 'small', withCrossShrink: true } as const;

function node<Node extends { type: string }>(
  types: Node['type'] | readonly Node['type'][],
  fields: Record<string, fc.Arbitrary<unknown>> = {},
) {
  return fc.record({ type: fc.constantFrom(...[types].flat()), ...fields }) as unknown as fc.Arbitrary<Node>;
}

const inline = node<Inline>;
const block = node<Block>;

type Nodes = { root: Root; block: Block; inline: Inline; item: ListItem; row: TableRow };

/** Also trees that no Markdown makes. */
const { root } = fc.letrec<Nodes>((tie) => {
  const inlines = { children: fc.array(tie('inline'), { maxLength: 4 }) };
  const blocks = { children: fc.array(tie('block'), { maxLength: 3 }) };
  const several = (name: 'item' | 'row') => ({ children: fc.array(tie(name), { maxLength: 3 }) });
  return {
    root: node('root', blocks),
    inline: fc.oneof(
      shallow,
      inline(['text', 'inlineCode'], { value }),
      inline('break'),
      inline('image', { url, alt: fc.option(value) }),
      inline('link', { url, ...inlines }),
      inline(['strong', 'emphasis', 'delete'], inlines),
    ),
    item: node('listItem', { checked: flag, spread: flag, continued: fc.boolean(), ...blocks }),
    row: node('tableRow', { children: fc.array(node('tableCell', inlines), { maxLength: 3 }) }),
    block: fc.oneof(
      shallow,
      block('thematicBreak'),
      block('paragraph', inlines),
      block('heading', { depth: fc.integer({ min: 1, max: 6 }), ...inlines }),
      block('code', { lang: fc.option(value), value }),
      block('blockquote', blocks),
      block('list', { ordered: flag, start: fc.option(fc.nat()), spread: flag, ...several('item') }),
      block('table', {
        align: fc.array(fc.constantFrom('left', 'right', 'center', null), { maxLength: 3 }),
        ...several('row'),
      }),
    ),
  };
});

it('renders any tree that the types allow', () => {
  fc.assert(
    fc.property(root, fc.constantFrom(...dialects), (tree, dialect) => {
      expect(typeof renderers[dialect](tree).text).toBe('string');
    }),
    { seed: 20261122, numRuns: 1500 },
  );
});
