import { describe, expect, it } from 'vitest';
import { createPasteFilter } from './paste.ts';

const pasted = (text: string) => `\x1b[200~${text}\x1b[201~`;

describe('createPasteFilter', () => {
  it('lets keys through', () => {
    const { filter } = createPasteFilter();
    expect(filter('abc\r')).toBe('abc\r');
    expect(filter('\x1b[A\x1b[1;5C\x1b')).toBe('\x1b[A\x1b[1;5C\x1b');
  });

  it('puts a short pasted line into the line as it is', () => {
    expect(createPasteFilter().filter(`x${pasted('some text\n')}y`)).toBe('xsome texty');
  });

  it('holds several lines behind a placeholder, until the line is sent', () => {
    const { filter, expand } = createPasteFilter();
    const line = filter(`look: ${pasted('one\r\ntwo\rthree\n')} ok`) + filter(pasted('a\nb'));
    expect(line).toBe('look: [paste 1: 3 lines] ok[paste 2: 2 lines]');
    expect(expand(line)).toBe('look: one\ntwo\nthree oka\nb');
  });

  it('holds a long line so too', () => {
    const { filter, expand } = createPasteFilter();
    const line = filter(pasted('x'.repeat(5_000)));
    expect(line).toBe('[paste 1: 5000 characters]');
    expect(expand(line)).toBe('x'.repeat(5_000));
  });

  it('understands markers wherever the terminal cuts them', () => {
    const bytes = `a${pasted('one\ntwo')}b`;
    for (let at = 1; at < bytes.length; at++) {
      // A cut behind the escape itself looks like the key Esc, which must not wait for what may never come.
      if (bytes[at - 1] === '\x1b' && at < 5) continue;
      const { filter, expand } = createPasteFilter();
      expect(expand(filter(bytes.slice(0, at)) + filter(bytes.slice(at)))).toBe('aone\ntwob');
    }
  });

  it('takes escape sequences out of what was pasted', () => {
    expect(createPasteFilter().filter(pasted('a\x1b[2Jb\tc'))).toBe('a[2Jb c');
  });

  it('leaves alone what only looks like a placeholder', () => {
    expect(createPasteFilter().expand('[paste 9: 2 lines]')).toBe('[paste 9: 2 lines]');
  });
});
