import { expect, it } from 'vitest';
import type { Capabilities } from './channel.ts';
import { renderMessage } from './render.ts';

const capabilities: Capabilities = {
  dialect: 'plain',
  limit: { max: 100, unit: 'utf16' },
  idempotentSend: false,
  edit: null,
  typing: null,
  threads: false,
  files: { inMax: null, outMax: null },
  reactions: false,
  buttons: false,
};
const long = 'word '.repeat(1_000);

it('sends as many messages as it takes where nothing is said of how many', () => {
  const { parts, file } = renderMessage(long, capabilities);
  expect(file).toBeNull();
  expect(parts.map(({ text }) => text).join(' ')).toBe(long.trim());
});

it('leaves out what would be a flood, and says how much', () => {
  const { parts, file } = renderMessage(long, { ...capabilities, maxParts: 5 });
  expect(file).toBeNull();
  expect(parts).toHaveLength(6);
  expect(parts[5]!.text).toMatch(/^The answer is too long for this chat: 90 % of it is left out\./);
  expect(renderMessage('short', { ...capabilities, maxParts: 5 }).parts).toEqual([{ text: 'short' }]);
});

it('sends a file where there are files', () => {
  const files = { inMax: null, outMax: 10_000 };
  const { parts, file } = renderMessage(long, { ...capabilities, files, maxParts: 5 });
  expect(parts.map(({ text }) => text)).toEqual(['The answer is long, so here it is as a file.']);
  expect(Buffer.from(file!.data).toString()).toBe(long);
});
