import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markdown, markdownWithoutTables } from '../../../../test/support/markdown/texts.ts';
import { type Dialect, dialects, type Rendered, renderers } from './dialects/index.ts';
import { lengthIn, type TextLimit } from './length.ts';
import { parseMarkdown } from './parse.ts';
import { renderParts, renderPreview } from './render.ts';
import { textOf } from './tree.ts';

const holds = <Values extends [unknown, ...unknown[]]>(property: fc.IProperty<Values>, numRuns = 250) =>
  fc.assert(property, { seed: 20261122, numRuns });

const limit: fc.Arbitrary<TextLimit> = fc.record({
  max: fc.integer({ min: 40, max: 400 }),
  unit: fc.constantFrom('utf16', 'bytes', 'codePoints', 'graphemes'),
});
const format = fc.record({ dialect: fc.constantFrom(...dialects), limit });
const partsOf = (text: string, dialect: Dialect, max = 120) =>
  renderParts(text, { dialect, limit: { max, unit: 'utf16' } }).parts;

function expectWithin({ text, html = '' }: Rendered, { max, unit }: TextLimit) {
  expect(Math.max(lengthIn[unit](text), lengthIn[unit](html))).toBeLessThanOrEqual(max);
}

describe('any text, in any dialect', () => {
  it('gives parts that are within the limit, not blank, well-formed, and the same every time', () => {
    holds(
      fc.property(markdown, format, (text, { dialect, limit }) => {
        const { parts } = renderParts(text, { dialect, limit });
        for (const part of parts) {
          expectWithin(part, limit);
          expect(part.text.trim()).not.toBe('');
          expect(part.text.isWellFormed()).toBe(true);
        }
        expect(renderParts(text, { dialect, limit }).parts).toEqual(parts);
      }),
      600,
    );
  });

  it('can be shown while it is written', () => {
    holds(
      fc.property(markdown, format, fc.nat(), (text, { dialect, limit }, end) => {
        expectWithin(renderPreview(text.slice(0, end % (text.length + 1)), { dialect, limit }), limit);
      }),
    );
  });

  it('keeps what can be read, in order', () => {
    holds(
      fc.property(markdownWithoutTables, format, (text, { dialect, limit }) => {
        const { parts } = renderParts(text, { dialect, limit });
        const shown = readable(parts.map((part) => readBack(part, dialect)).join(''));
        expect(firstMissing(readable(textOf(parseMarkdown(text))), shown)).toBeUndefined();
      }),
      300,
    );
  });

  it('keeps the cells of tables', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'b', '日', 'é'), minLength: 1, maxLength: 30 });
    const rows = fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 2, maxLength: 12 });
    holds(
      fc.property(rows, format, ([header, ...body], { dialect, limit }) => {
        const lines = [header!, ['-', '-', '-'], ...body].map((cells) => `| ${cells.join(' | ')} |`);
        const parts = renderParts(lines.join('\n'), { dialect, limit }).parts;
        const shown = readable(parts.map((part) => readBack(part, dialect)).join(''));
        for (const text of body.flat()) expect(shown).toContain(text);
      }),
      80,
    );
  });
});

describe('plain text', () => {
  it('is left as it is', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'Z', '7', 'é', '日', '😀'), minLength: 1 });
    const paragraph = fc.array(word, { minLength: 1, maxLength: 8 }).map((words) => words.join(' '));
    holds(
      fc.property(
        fc.array(paragraph, { minLength: 1 }),
        fc.constantFrom(...dialects),
        (paragraphs, dialect) => {
          const text = paragraphs.join('\n\n');
          fc.pre(dialect !== 'teams');
          expect(partsOf(text, dialect, 10_000).map((part) => part.text)).toEqual([text]);
        },
      ),
    );
  });
});

describe('Markdown', () => {
  it('reads the same when it is written again', () => {
    holds(
      fc.property(markdownWithoutTables, (text) => {
        const root = parseMarkdown(text);
        const again = parseMarkdown(renderers.markdown(root).text);
        expect(firstMissing(readable(textOf(root)), readable(textOf(again)))).toBeUndefined();
      }),
      300,
    );
  });
});

describe('fences', () => {
  it.each(['slack', 'whatsapp', 'discord', 'xmpp'] as const)('are balanced in each part: %s', (dialect) => {
    holds(
      fc.property(markdown, (text) => {
        for (const part of partsOf(text, dialect)) expect(part.text.split('```').length % 2).toBe(1);
      }),
    );
  });
});

describe('nobody is notified', () => {
  it('on Slack: nothing is between < and > but addresses', () => {
    holds(
      fc.property(markdown, (text) => {
        for (const part of partsOf(text, 'slack')) {
          const angles = part.text.match(/<[^>]*>?/g) ?? [];
          for (const angle of angles) expect(angle).toMatch(/^<(?:https?:\/\/|mailto:|tel:)[^<>]+>$/);
        }
      }),
      300,
    );
  });

  it('on Discord, also when it drops characters', () => {
    holds(
      fc.property(markdown, (text) => {
        for (const part of partsOf(text, 'discord')) {
          expect(part.text.replace(/[\p{M}\u202a-\u202e]/gu, '')).not.toMatch(
            /@(?:everyone|here)|<@[!&]?\d+>/i,
          );
        }
      }),
      300,
    );
  });

  it('on Telegram: no name stands outside of code and addresses, and links lead to the web', () => {
    holds(
      fc.property(markdown, (text) => {
        for (const { text: shown, entities = [] } of partsOf(text, 'telegram')) {
          let left = shown;
          for (const entity of entities) {
            if (entity.type === 'text_link') expect(entity.url).toMatch(/^https?:/i);
            if (!['code', 'pre', 'text_link'].includes(entity.type)) continue;
            const end = entity.offset + entity.length;
            left = left.slice(0, entity.offset) + ' '.repeat(entity.length) + left.slice(end);
          }
          expect(left).not.toMatch(/(?<!\w)@\w/);
        }
      }),
      300,
    );
  });

  it('on IRC: only our own formatting and line breaks are control characters', () => {
    holds(
      fc.property(markdown, (text) => {
        for (const part of partsOf(text, 'irc')) {
          expect(part.text).not.toMatch(/[\x00\x01\x03-\x08\x0b-\x10\x12-\x1c\x1f\x7f-\x9f]/);
          for (const line of part.text.split('\n')) {
            for (const code of ['\x02', '\x1d', '\x1e', '\x11']) expect(line.split(code).length % 2).toBe(1);
          }
        }
      }),
    );
  });

  it.each(['teams', 'email', 'web'] as const)(
    'as HTML there are only known tags and addresses: %s',
    (dialect) => {
      const tags =
        /^<\/?(?:p|h[1-6]|strong|em|s|strike|code|pre|blockquote|ul|ol|li|table|thead|tbody|tr|th|td|a|br|hr)(?: (?:href="(?:https?:\/\/|mailto:|tel:)[^"<>]*"|(?:style|class|align|start|target|rel)="[^"<>]*"))*>$/;
      holds(
        fc.property(markdown, (text) => {
          for (const { text: shown, html = shown } of partsOf(text, dialect, 400)) {
            for (const tag of html.match(/<[^>]*>?/g) ?? []) expect(tag).toMatch(tags);
            expect(html.replace(/<[^>]*>/g, '')).not.toMatch(/[<>"]/);
          }
        }),
      );
    },
  );
});

it('entities of Telegram lie within the text, within each other or apart, and hold code alone', () => {
  holds(
    fc.property(markdown, (source) => {
      for (const { text, entities = [] } of partsOf(source, 'telegram')) {
        for (const [index, { type, offset, length }] of entities.entries()) {
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(length).toBeGreaterThan(0);
          expect(offset + length).toBeLessThanOrEqual(text.length);
          expect(text.slice(offset, offset + length).isWellFormed()).toBe(true);
          for (const other of entities.slice(index + 1)) {
            const end = offset + length;
            expect(other.offset).toBeGreaterThanOrEqual(offset);
            if (other.offset >= end) continue;
            expect(other.offset + other.length).toBeLessThanOrEqual(end);
            expect(['code', 'pre']).not.toContain(type);
          }
        }
      }
    }),
    300,
  );
});

/** As a person would read it, and what marks it. */
function readBack({ text, html = text }: Rendered, dialect: Dialect): string {
  const unescaped = (escaped: string) =>
    escaped
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&');
  if (dialect === 'slack') return unescaped(text);
  if (dialect === 'teams' || dialect === 'email' || dialect === 'web')
    return unescaped(html.replace(/<[^>]*>/g, ''));
  return dialect === 'markdown' ? textOf(parseMarkdown(text)) : text;
}

function readable(text: string): string {
  return text.replace(/[\s\u200b]/g, '').replaceAll('¦', '|');
}

/** The first character of `wanted` that does not follow in `shown` on those before it. */
function firstMissing(wanted: string, shown: string): string | undefined {
  let at = 0;
  for (const character of wanted) {
    at = shown.indexOf(character, at) + character.length;
    if (at < character.length) return character;
  }
  return undefined;
}
