import { type WidgetElement, type WidgetNode, widgetTags } from '@nightshift/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { draftBlocks, messageBlocks } from './blocks.ts';

const elementsOf = (nodes: readonly WidgetNode[]): WidgetElement[] =>
  nodes.flatMap((node) => (typeof node === 'string' ? [] : [node, ...elementsOf(node.children ?? [])]));
const textOf = (nodes: readonly WidgetNode[]): string =>
  nodes.map((node) => (typeof node === 'string' ? node : textOf(node.children ?? []))).join('');

it('makes elements of what is formatted', () => {
  expect(messageBlocks('# Hi\n\nA **b** `c` [d](https://e.example)\n\n3. x\n4. y')).toEqual([
    { tag: 'h3', children: ['Hi'] },
    {
      tag: 'p',
      children: [
        'A ',
        { tag: 'strong', children: ['b'] },
        ' ',
        { tag: 'code', children: ['c'] },
        ' ',
        { tag: 'a', children: ['d'], href: 'https://e.example' },
      ],
    },
    {
      tag: 'ol',
      start: 3,
      children: [
        { tag: 'li', children: ['x'] },
        { tag: 'li', children: ['y'] },
      ],
    },
  ]);
  expect(messageBlocks('```js\n<b>\n```')).toEqual([{ tag: 'pre', lang: 'js', children: ['<b>'] }]);
  expect(messageBlocks('| a | b |\n|---|--:|\n| 1 | 2 |')).toEqual([
    {
      tag: 'table',
      children: [
        {
          tag: 'tr',
          children: [
            { tag: 'th', children: ['a'] },
            { tag: 'th', children: ['b'], align: 'right' },
          ],
        },
        {
          tag: 'tr',
          children: [
            { tag: 'td', children: ['1'] },
            { tag: 'td', children: ['2'], align: 'right' },
          ],
        },
      ],
    },
  ]);
});

describe('what may not run', () => {
  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](java&#10;script:alert(1))',
    '[x](data:text/html,<script>alert(1)</script>)',
    '[x](vbscript:alert(1))',
    '![x](javascript:alert(1))',
    '<javascript:alert(1)>',
    '[x][1]\n\n[1]: javascript:alert(1)',
    '<a href="javascript:alert(1)">x</a>',
  ])('%s is text', (markdown) => {
    for (const blocks of [messageBlocks(markdown), draftBlocks(markdown)])
      expect(elementsOf(blocks).filter(({ href }) => href !== undefined)).toEqual([]);
  });

  it('whatever is written, there are only our elements, and links lead to the web, mail and telephones', () => {
    const bits = [
      '<script>',
      '](',
      'javascript:',
      'https://',
      'x',
      '[',
      '"',
      '*',
      '`',
      '\n',
      '|',
      '- ',
      '<',
      '>',
      '&#58;',
    ];
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(...bits), fc.string({ maxLength: 3 })), { maxLength: 30 }),
        (parts) => {
          for (const blocks of [messageBlocks(parts.join('')), draftBlocks(parts.join(''))]) {
            for (const { tag, href } of elementsOf(blocks)) {
              expect(widgetTags).toContain(tag);
              if (href !== undefined) expect(href).toMatch(/^(https?:\/\/|mailto:|tel:)/i);
            }
          }
        },
      ),
    );
  });
});

it('images are links: one that loads by itself would tell its server what is in its address', () => {
  expect(elementsOf(messageBlocks('![chart](https://a.example/c.png?secret)'))).toMatchObject([
    { tag: 'p' },
    { tag: 'a', href: 'https://a.example/c.png?secret', children: ['chart'] },
  ]);
});

it('shows an address that is none', () => {
  expect(textOf(messageBlocks('[pay](javascript:alert)'))).toBe('pay (javascript:alert)');
});

it('a draft shows what is begun as it will be', () => {
  expect(draftBlocks('This is **bol')).toEqual([
    { tag: 'p', children: ['This is ', { tag: 'strong', children: ['bol'] }] },
  ]);
});
