import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { growthOf } from '../../../../test/support/growth/ratio.ts';
import { isAuthentic, parseResults } from './authenticity.ts';
import { HeaderLimitError, headerLimits, parseHeaders } from './headers.ts';
import { parseMail } from './mail.ts';
import { withoutQuote, withoutSignature } from './text.ts';

const bytes = (text: string) => Buffer.from(text);

describe('a header section', () => {
  it('is read up to the first empty line, with its fields unfolded and in order', () => {
    const { all } = parseHeaders(
      bytes('Received: b\r\nX-A: one\r\n two\r\n\tthree\r\nreceived : a\r\nno field\r\n\r\nX-A: body\r\n'),
    );
    expect(all('received')).toEqual(['b', 'a']);
    expect(all('x-a')).toEqual(['one two\tthree']);
    expect(all('subject')).toEqual([]);
  });

  it('may end with the mail, or be empty', () => {
    expect(parseHeaders(bytes('X-A: 1')).all('x-a')).toEqual(['1']);
    expect(parseHeaders(bytes('\nX-A: 1')).all('x-a')).toEqual([]);
    expect(parseHeaders(bytes('')).all('x-a')).toEqual([]);
  });

  it('does not take a name with a strange blank for that of a field', () => {
    const { all } = parseHeaders(
      bytes('\u00a0From: evil@example.com\r\n\ufeffFrom: evil@example.com\r\nFrom: a@b.c\r\n'),
    );
    expect(all('from')).toEqual(['a@b.c']);
  });

  it('is what it is, whatever stands in it', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,20}$/);
    const value = fc.stringMatching(/^[!-~]([ -~]{0,60}[!-~])?$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 30 }), fc.string(), (fields, body) => {
        const { all } = parseHeaders(
          bytes(`${fields.map(([key, text]) => `${key}: ${text}\r\n`).join('')}\r\n${body}`),
        );
        for (const [key] of fields)
          expect(all(key.toLowerCase())).toEqual(
            fields.filter(([other]) => other.toLowerCase() === key.toLowerCase()).map(([, text]) => text),
          );
      }),
    );
  });

  it.each([
    ['without an end', 'x'.repeat(headerLimits.bytes)],
    ['of many fields', 'X: 1\r\n'.repeat(headerLimits.fields + 1)],
    ['of many short lines', 'a\n'.repeat(headerLimits.fields + 1)],
  ])('%s is refused', (_name, text) => {
    expect(() => parseHeaders(bytes(text))).toThrow(HeaderLimitError);
  });

  it('with a field that is too long is refused where the field is needed', () => {
    const { all } = parseHeaders(bytes(`X-A: ${'x'.repeat(headerLimits.fieldLength + 1)}\r\nX-B: 1\r\n`));
    expect(all('x-b')).toEqual(['1']);
    expect(() => all('x-a')).toThrow(HeaderLimitError);
  });
});

describe('Authentication-Results', () => {
  const server = 'mx.example.net';
  const verified = (...results: string[]) => isAuthentic(results, server, 'ann@example.com');

  it('is read with its comments, quotes, versions and blanks', () => {
    const value = `${server} 1; (why (not; dkim=fail)) dkim/1 = pass (good) reason="a; b \\" c" header.d = "Example.com" ; spf=fail`;
    expect(parseResults(value)).toEqual({
      server,
      isMalformed: false,
      verdicts: [
        { method: 'dkim', result: 'pass', properties: new Map([['header.d', 'example.com']]) },
        { method: 'spf', result: 'fail', properties: new Map() },
      ],
    });
  });

  it.each([
    ['within a reason', 'dkim=pass reason="of header.d=example.com here" header.b=x; dmarc=none'],
    ['within a value', 'dkim=pass header.i=x=header.d=example.com; dmarc=none'],
    [
      'in a quote without an end',
      'dmarc=pass header.from=example.com; spf=pass smtp.mailfrom="x; dmarc=fail',
    ],
    [
      'in a comment without an end',
      'dmarc=pass header.from=example.com (; dmarc=fail header.from=example.com',
    ],
  ])('is not believed in what a sender may have put there: %s', (_name, verdict) => {
    expect(verified(`${server}; ${verdict}`)).toBe(false);
  });

  it('that cannot be read does not let the one below it count', () => {
    const forged = `${server}; dmarc=pass header.from=example.com`;
    expect(verified(`${server}; dmarc=fail header.from="example.com`, forged)).toBe(false);
  });

  it('is never pass where each verdict of it is another, whatever is mixed into it', () => {
    const noise = fc.stringMatching(/^[a-z0-9 .=;"\\()/@_-]{0,40}$/);
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 6 }), (pieces) => {
        const value = `${server}; dmarc=fail header.from=example.com; ${pieces.join(' ').replaceAll('pass', '')}`;
        expect(verified(value)).toBe(false);
      }),
    );
  });
});

/** Each is repeated to the length that is wanted. */
const pieces: readonly (readonly [string, string, string])[] = [
  ['letters', 'dkim=pass ', 'a'],
  ['letters after blanks', 'dkim=pass ', 'a '],
  ['dots', 'dkim=pass ', 'a.'],
  ['names', 'dkim=pass ', 'header.d'],
  ['equal signs', 'dkim=pass ', '='],
  ['properties', 'dkim=pass ', 'a.b=c '],
  ['quotes', 'dkim=pass a.b=', '"'],
  ['escaped quotes', 'dkim=pass a.b="', '\\"'],
  ['openings', 'dkim=pass ', '('],
  ['comments', 'dkim=pass ', '()'],
  ['semicolons', '', ';'],
  ['quoted semicolons', '"', ';"'],
  ['methods', '', 'dkim=pass;'],
  ['slashes', 'dkim', '/1'],
  ['blanks', 'dkim=pass', ' '],
  ['blanks between', 'dkim', ' \t'],
  ['dashes', 'dkim=pass ', '-'],
];

describe('the time that a mail takes in the worker grows with its length alone', () => {
  it.each(pieces)('Authentication-Results of %s', (_name, start, piece) => {
    const inputOf = (size: number) => `evil; ${start}${piece.repeat(size / piece.length)}`;
    expect(growthOf(parseResults, inputOf, 100_000)).toBeLessThanOrEqual(3);
  });

  it.each([
    ...pieces.map(([name, , piece]): [string, string] => [name, piece]),
    ['addresses', 'a@b.example,'],
    ['groups', 'a:'],
    ['angles', '<'],
    ['at signs', '@'],
    ['bare angles', '<a@'],
    ['encoded words', '=?utf-8?q?a?= '],
    ['beginnings of encoded words', '=?utf-8?q?'],
    ['question marks', '=?'],
    ['folds', '\r\n '],
    ['names without addresses', 'a b '],
    ['commas', ','],
    ['references', '<a@b.c> '],
  ] as [string, string][])('addresses, subjects and references of %s', (_name, piece) => {
    const fields = ['From', 'To', 'Reply-To', 'Subject', 'Message-ID', 'References', 'In-Reply-To'];
    const inputOf = (size: number) =>
      bytes(fields.map((field) => `${field}: ${piece.repeat(size / piece.length)}\r\n`).join(''));
    // As long as they may be at most.
    expect(growthOf(parseMail, inputOf, headerLimits.bytes / 2 / fields.length - 100)).toBeLessThanOrEqual(3);
  });

  it.each([
    ['blank lines', '\n'],
    ['blanks', ' '],
    ['quoted lines', '> x\n'],
    ['quotes', '>'],
    ['fields', 'From: us\n'],
    ['fields and blank lines', 'From: us\n\n'],
    ['rules', '-----\n'],
    ['dashes', '-'],
    ['colons', ':'],
    ['letters', 'a'],
    ['letters and dots', 'a. '],
    ['signatures', '-- \n'],
    ['introductions', 'x:\n> y\n'],
  ])('quotes and signatures in a text of %s', (_name, piece) => {
    const isOurs = (line: string) => line.toLowerCase().includes('us');
    const strip = (text: string) => withoutSignature(withoutQuote(text, isOurs));
    expect(growthOf(strip, (size) => piece.repeat(size / piece.length), 200_000)).toBeLessThanOrEqual(3);
  });
});
