import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meaningOf, tokensOf } from './sql-meaning.ts';

describe('tokensOf', () => {
  it.each([
    ['a/* x /* nested */ y */b', ['a', 'b']],
    ['a -- b\nc', ['a', 'c']],
    ["'it''s -- no comment' /* is one */", ["'it''s -- no comment'"]],
    ["E'\\'/*' x", ["E'\\'/*'", 'x']],
    ['"na--me" "a""b"', ['"na--me"', '"a""b"']],
    ['$$ -- kept\r\n $$ $f$ $$ $f$', ['$$ -- kept\n $$', '$f$ $$ $f$']],
    ['a<=b', ['a', '<=', 'b']],
    ['a< =b', ['a', '<', '=', 'b']],
    ['1-/* two */-2', ['1', '-', '-', '2']],
    ['\uFEFFSELECT 1;', ['SELECT', '1', ';']],
    ["'not closed", ["'", 'not', 'closed']],
    ['/* not closed', []],
    // A comment ends at either end of a line, and only ASCII is white space: both as PostgreSQL's lexer has it.
    ['-- note\rDROP TABLE a', ['DROP', 'TABLE', 'a']],
    ['a\u00a0b', ['a\u00a0b']],
    // What stands at a quote is part of it.
    ["U&'x' U & 'x'", ["U&'x'", 'U', '&', "'x'"]],
    ["x'1f' x '1f'", ["x'1f'", 'x', "'1f'"]],
    ['U&"x"', ['U&"x"']],
    ['$1::text[]', ['$1', '::', 'text', '[', ']']],
  ])('%j', (sql, tokens) => expect(tokensOf(sql)).toEqual(tokens));
});

const words: fc.Arbitrary<string[]> = fc.array(
  fc.constantFrom('SELECT', '1', "'a -- b'", '"c d"', '(', ')', ',', ';', '<=', '$$ x\n y $$', "E'\\''", 'é'),
  { minLength: 1, maxLength: 20 },
);
const gap = fc.constantFrom(
  ' ',
  '\n',
  '\r\n',
  '\t ',
  ' -- note\n',
  " -- it's\r\n",
  ' /* $$ " \' */ ',
  '/*/**/*/',
);

describe('meaningOf', () => {
  it('is a UUID of version 8', () => {
    fc.assert(
      fc.property(fc.string(), (sql) => {
        expect(meaningOf(sql)).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        );
      }),
    );
  });

  it('is the same whatever stands between the tokens', () => {
    fc.assert(
      fc.property(words, fc.array(gap, { minLength: 21, maxLength: 21 }), (tokens, gaps) => {
        const plain = tokens.join(' ');
        expect(meaningOf(tokens.map((word, at) => gaps[at] + word).join('') + gaps.at(-1))).toBe(
          meaningOf(plain),
        );
      }),
    );
  });

  it('is another one when a token is changed, removed or repeated', () => {
    fc.assert(
      fc.property(words, fc.nat(), (tokens, seed) => {
        const at = seed % tokens.length;
        for (const changed of [tokens.with(at, '42'), tokens.toSpliced(at, 1), tokens.toSpliced(at, 0, 'x')])
          expect(meaningOf(changed.join(' '))).not.toBe(meaningOf(tokens.join(' ')));
      }),
    );
  });
});
