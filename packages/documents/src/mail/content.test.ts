import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { growthOf } from '../../../../test/support/growth/ratio.ts';
import { createDocumentReader, type DocumentReaderPool } from '../index.ts';
import { readContent } from './content.ts';
import { htmlToText } from './html.ts';
import { htmlLimits } from './limits.ts';

describe('HTML', () => {
  const pieces = [
    '<b>',
    '<b>x',
    '<b></i>',
    '<p>',
    '<div>x',
    '<a href=x>',
    '<a b="',
    '<a ',
    '<!--',
    '<br>',
    '<li>x',
    '<td>x',
    '<h1>x',
    '<ruby><rp>',
    '<x->',
    '&amp;',
    '&',
    '<',
    'x ',
    'x\n',
    '\n',
    '<span>a </span>',
    '</b>',
    '</p>',
  ];

  it.each(pieces)('takes a time that grows with its length alone, where it is full of %j', (piece) => {
    const inputOf = (size: number) => `<p>Hello${piece.repeat(size / piece.length)}`;
    // Where it is cut by the number of its tags, more of them cost nothing.
    const size = Math.min(htmlLimits.tags * piece.length, htmlLimits.length);
    expect(growthOf(htmlToText, inputOf, size)).toBeLessThanOrEqual(3);
  });

  it('is cut where it is too long or has too many tags, and says so', () => {
    expect(htmlToText(`<p>Hello${'<b>'.repeat(htmlLimits.tags)}`)).toMatchObject({ isCut: true });
    expect(htmlToText(`<p>Hello${' '.repeat(htmlLimits.length)}`).isCut).toBe(true);
    expect(htmlToText('<p>Hello <b>all</b></p>')).toEqual({ text: 'Hello all', isCut: false });
  });
});

describe('any mail', () => {
  let reader: DocumentReaderPool;
  beforeAll(() => {
    reader = createDocumentReader({ limits: { cpuMs: 1_500 } });
  });
  afterAll(() => reader.close());

  const types = [
    'text/plain',
    'text/html',
    'multipart/mixed; boundary=b',
    'message/rfc822',
    'text/plain; format=flowed',
  ];
  const encodings = ['8bit', 'base64', 'quoted-printable'];
  const bits = [
    '\n',
    '<b>',
    '--b\n',
    '--b--\n',
    '=',
    ' ',
    '> ',
    '&',
    '<p>',
    'a',
    '\n ',
    'Content-Type: text/html\n\n',
    '"',
  ];
  const hostile = fc
    .record({
      type: fc.constantFrom(...types),
      encoding: fc.constantFrom(...encodings),
      bits: fc.array(fc.tuple(fc.constantFrom(...bits), fc.integer({ min: 1, max: 300_000 })), {
        minLength: 1,
        maxLength: 3,
      }),
    })
    .map(({ type, encoding, bits: repeated }) =>
      Buffer.from(
        `From: a@b.c\nContent-Type: ${type}\nContent-Transfer-Encoding: ${encoding}\n\n${repeated
          .map(([bit, times]) => bit.repeat(times))
          .join('x')}`,
      ),
    );

  it('is read in bounds, or is not, and the next one is read', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (raw) => {
        const content = await reader.read('mail', raw, {}).catch((error) => error);
        if (content instanceof Error) expect(content).toMatchObject({ name: 'DocumentError' });
        else expect(content.text.length).toBeLessThanOrEqual(400_000);
        const next = await reader.read('mail', Buffer.from('From: a@b.c\n\nHello'), {});
        expect(next.text).toBe('Hello');
      }),
      { numRuns: 15 },
    );
  });

  it('gives at most so much text and so many files', async () => {
    const part = '--b\nContent-Type: application/x; name=f\nContent-Disposition: attachment\n\nx\n';
    const many = `From: a@b.c\nContent-Type: multipart/mixed; boundary=b\n\n${part.repeat(500)}--b--`;
    expect((await readContent(Buffer.from(many))).files).toHaveLength(200);
    const long = await readContent(Buffer.from(`From: a@b.c\n\n${'word '.repeat(100_000)}`));
    expect([long.text.length, long.isCut]).toEqual([400_000, true]);
  });
});
