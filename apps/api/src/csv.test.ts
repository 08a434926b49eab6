import { describe, expect, it } from 'vitest';
import { csvLine } from './csv.ts';

describe('a line of CSV', () => {
  it('leaves plain cells as they are, and nothing where there is nothing', () => {
    expect(csvLine(['a', 1, -2.5, null, undefined, ''])).toBe('a,1,-2.5,,,\r\n');
  });

  it('quotes commas, quotes and line breaks', () => {
    expect(csvLine(['a,b', 'say "hi"', 'two\nlines', 'two\r\nlines'])).toBe(
      '"a,b","say ""hi""","two\nlines","two\r\nlines"\r\n',
    );
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx'])('shows %j as text, not as a formula', (text) => {
    expect(csvLine([text])).toMatch(/^"?'/);
    expect(csvLine([`a${text}`])).not.toContain("'");
  });

  it('quotes what it has made text', () => {
    expect(csvLine(['=HYPERLINK("x","y")'])).toBe('"\'=HYPERLINK(""x"",""y"")"\r\n');
  });
});
