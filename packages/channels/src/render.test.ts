import { expect, it } from 'vitest';
import type { Capabilities } from './channel.ts';
import { renderMessage } from './render.ts';

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
    expect(parts).toHaveLength(31);
    expect(parts[0]!.text).toContain('A line of an answer');
    expect(parts.at(-1)!.text).toMatch(/^The answer is too long for this chat: 8\d % of it is left out\./);
  }
});

it('where the platform takes fewer messages, it ends after those', () => {
  const few = capabilities({ maxParts: 5 });
  expect(renderMessage(line.repeat(2_000), few).parts).toHaveLength(6);
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
