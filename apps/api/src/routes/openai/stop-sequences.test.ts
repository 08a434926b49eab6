import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createStopFilter, cutAtStop, stopSequencesOf } from './stop-sequences.ts';

it('takes one sequence, several, or none', () => {
  expect(stopSequencesOf('END')).toEqual(['END']);
  expect(stopSequencesOf(['a', 'b'])).toEqual(['a', 'b']);
  expect(stopSequencesOf(null)).toEqual([]);
  expect(stopSequencesOf('')).toEqual([]);
});

it('cuts at the first sequence, wherever the pieces of a text end', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 6 });
  const sequences = fc.array(
    letters.filter((each) => each !== ''),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 12 }), sequences, (pieces, stop) => {
      const text = pieces.join('');
      const filter = createStopFilter(stop);
      const passed = pieces.map((piece) => filter.push(piece)).join('') + filter.end();
      expect(passed).toBe(cutAtStop(text, stop));
      for (const each of stop) expect(passed).not.toContain(each);
      expect(text.startsWith(passed)).toBe(true);
    }),
    {
      examples: [
        [
          ['ba', 'a'],
          ['a', 'baa'],
        ],
        [
          ['b\n', 'b'],
          ['b\nb', '\n'],
        ],
        [['ab'], ['ab', 'b']],
      ],
    },
  );
});

it('cuts before the one that is complete first, and of several such before the longest', () => {
  expect(cutAtStop('say baa', ['baa', 'a '])).toBe('say ');
  expect(cutAtStop('xbaa', ['a', 'baa'])).toBe('xb');
  expect(cutAtStop('xab', ['b', 'ab'])).toBe('x');
});

it('passes on at once what cannot be the beginning of a sequence', () => {
  const filter = createStopFilter(['STOP']);
  expect(filter.push('Hello, ')).toBe('Hell');
  expect(filter.push('wor')).toBe('o, ');
  expect(createStopFilter([]).push('all of it')).toBe('all of it');
});
