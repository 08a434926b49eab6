import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newTraceId, traceOf, traceOfUuid, traceparentOf } from './trace.ts';

const example = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('trace ids', () => {
  it('come from a traceparent, of versions to come too', () => {
    expect(traceOf(`00-${example}-00f067aa0ba902b7-01`)).toBe(example);
    expect(traceOf(`cc-${example}-00f067aa0ba902b7-01-what-the-future-adds`)).toBe(example);
  });

  it.each([
    '',
    `ff-${example}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${example}-${'0'.repeat(16)}-01`,
    `00-${example.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${example}-00f067aa0ba902b7-01x`,
  ])('do not come from "%s"', (header) => {
    expect(traceOf(header)).toBeNull();
  });

  it('come from a UUID, however it is written', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        const hex = id.replaceAll('-', '');
        expect([traceOfUuid(id), traceOfUuid(id.toUpperCase()), traceOfUuid(hex)]).toEqual([hex, hex, hex]);
      }),
    );
    expect(traceOfUuid('00000000-0000-0000-0000-000000000000')).toBeNull();
    expect(traceOfUuid('order-4711')).toBeNull();
  });

  it('are told on', () => {
    const traceId = newTraceId();
    expect(traceOf(traceparentOf(traceId))).toBe(traceId);
  });
});
