import { expect, it } from 'vitest';
import { createToolNames } from './tool-names.ts';

const names = createToolNames(['notes.write']);

it('knows a name again, also with characters in it that cannot be stored', () => {
  expect(names.encode('notes.write')).toBe('notes_write');
  expect(names.decode('notes_write')).toBe('notes.write');
  expect(names.decode('notes\0_write\0')).toBe('notes.write');
});

it('keeps a name that the model made up, within bounds', () => {
  expect(names.decode('made_up')).toBe('made_up');
  expect(names.decode('n'.repeat(3_000_000))).toBe('n'.repeat(200));
});
