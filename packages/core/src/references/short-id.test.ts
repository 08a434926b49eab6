import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isWholeId, parseShortId } from './short-id.ts';

it('takes any beginning of an id from six digits on, and bounds what begins so', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.integer({ min: 1, max: 36 }), (id, length) => {
      const part = id.slice(0, length).replace(/-$/, '');
      const short = parseShortId(part);
      const digits = part.replaceAll('-', '').length;
      expect(short !== null).toBe(digits >= 6);
      if (!short) return;
      expect(isWholeId(short.beginning!.from) && isWholeId(short.beginning!.to)).toBe(true);
      expect(short.beginning!.from <= id && id <= short.beginning!.to).toBe(true);
      expect(short.end !== null).toBe(digits >= 8);
    }),
  );
});

it('takes nothing else for a part of an id', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      if (!/^[0-9a-f-]+$/i.test(text)) expect(parseShortId(text)).toBeNull();
    }),
  );
  for (const text of ['', '-', '-123456', '123456-', '12345', 'x'.repeat(8), 'a'.repeat(33)])
    expect(parseShortId(text)).toBeNull();
});
