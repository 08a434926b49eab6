import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Capabilities } from './channel.ts';
import { lengthIn } from './markdown/length.ts';
import { answerLimitOf, renderMessage } from './render.ts';

const capabilities = (more: Partial<Capabilities>): Capabilities => ({
  dialect: 'plain',
  limit: { max: 400, unit: 'bytes' },
  idempotentSend: false,
  edit: null,
  typing: null,
  threads: false,
  files: { inMax: null, outMax: null },
  reactions: false,
  buttons: false,
  ...more,
});
const files = { inMax: null, outMax: 10_000_000 };
const line = 'A line of an answer that goes on and on.\n\n';

it('what is long for a chat is a file, with all of it', () => {
  const text = line.repeat(2_000);
  const { parts, file } = renderMessage(text, capabilities({ files }));
  expect(parts.map((part) => part.text)).toEqual(['The answer is long, so here it is as a file.']);
  expect(Buffer.from(file!.data).toString()).toBe(text);
});

it('where there are no files, or it is too large for one, it ends with a line that says so', () => {
  const text = line.repeat(2_000);
  for (const outMax of [null, 1_000]) {
    const { parts, file } = renderMessage(text, capabilities({ files: { inMax: null, outMax } }));
    expect(file).toBeNull();
    expect(parts).toHaveLength(30);
    expect(parts[0]!.text).toContain('A line of an answer');
    expect(parts.at(-1)!.text).toMatch(
      /on and on\.\n\n\(Cut here: .* 8\d % of this one is missing\. Ask me to go on\.\)$/,
    );
  }
});

it('where the platform takes fewer messages, it ends after those', () => {
  const few = capabilities({ maxParts: 5 });
  expect(renderMessage(line.repeat(2_000), few).parts).toHaveLength(5);
  expect(renderMessage('short', few).parts).toEqual([{ text: 'short' }]);
});

it('what fits ends as it ends', () => {
  const { parts } = renderMessage(line.repeat(100), capabilities({}));
  expect(parts.length).toBeGreaterThan(10);
  expect(parts.at(-1)!.text).toMatch(/on and on\.$/);
});

it.each([
  ['paragraphs', line.repeat(25_000)],
  ['one word', 'x'.repeat(1_000_000)],
  ['a list', '- an item of it\n'.repeat(65_000)],
  ['a table', `| a | b |\n|---|---|\n${'| one | two |\n'.repeat(75_000)}`],
  ['code', `\`\`\`js\n${'const answer = 42;\n'.repeat(55_000)}\`\`\``],
])('of a megabyte of %s only the beginning is read', (_what, text) => {
  for (const dialect of ['plain', 'slack'] as const) {
    const shown = (markdown: string) => renderMessage(markdown, capabilities({ dialect })).parts.slice(0, -1);
    expect(shown(text)).toEqual(shown(text.slice(0, 100_000)));
  }
});

it('what is cut says so within the limit, however small that is, and where it ends', () => {
  const limit = fc.record({
    max: fc.integer({ min: 20, max: 600 }),
    unit: fc.constantFrom('utf16', 'bytes', 'codePoints', 'graphemes'),
    lines: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    segments: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  });
  const word = fc.constantFrom(
    'answer',
    'größer',
    'длинный',
    '很长',
    '😀',
    '**bold**',
    '- item',
    '\n\n',
    '`code`',
  );
  fc.assert(
    fc.property(
      limit,
      fc.integer({ min: 1, max: 6 }),
      fc.constantFrom('plain', 'slack', 'irc', 'telegram', 'markdown'),
      fc.array(word, { minLength: 40, maxLength: 80 }),
      (given, maxParts, dialect, words) => {
        const { lines, segments, ...rest } = given;
        const text = `${words.join(' ')} word `.repeat(25);
        const all = {
          ...rest,
          ...(lines && { lines }),
          ...(segments && { segments }),
        } as Capabilities['limit'];
        const { parts, cut } = renderMessage(text, capabilities({ dialect, limit: all, maxParts }));
        expect(parts.length).toBeLessThanOrEqual(maxParts);
        for (const part of parts) expect(lengthIn[all.unit](part.text)).toBeLessThanOrEqual(all.max);
        expect(parts.at(-1)!.text).toMatch(/(missing|…)/);
        expect(cut).toMatchObject({ as: 'parts', parts: parts.length });
        expect(cut!.percent).toBeLessThan(100);
        const read = parts.map(({ text }) => text).join('\n');
        expect(read).toContain(cut!.end.slice(-5).trim());
      },
    ),
    { numRuns: 30 },
  );
});

it('an answer of the length that is announced fits, as long as it is plain', () => {
  for (const limit of [
    { max: 1_600, unit: 'utf16', segments: 10 },
    { max: 400, unit: 'bytes' },
  ] as const) {
    const few = capabilities({ limit, maxParts: 3 });
    const { characters, asFile } = answerLimitOf(few);
    const text = 'word '.repeat(Math.floor((characters * 0.95) / 5));
    expect(asFile).toBe(false);
    expect(renderMessage(text, few).cut).toBeNull();
  }
});
