import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Compat, Endpoint, ModelEvent } from './provider.ts';
import { createReportReader } from './vendor-report.ts';

const endpoint = (compat: Compat = {}): Endpoint => ({
  ...{ provider: 'p', wire: 'openai-chat', baseUrl: 'http://x', apiKey: null, compat },
});

const message = { role: 'assistant' as const, content: [] };
const ended: ModelEvent = { type: 'done', message, stop: 'end', usage: null };

it('takes any events, and never fails', () => {
  const fields: Compat['costField'][] = ['cost', 'cost.total_cost', 'cost_usd_total', 'cost_in_usd_ticks'];
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(...fields), (events, costField) => {
      const reader = createReportReader('asked', endpoint({ costField: costField! }));
      for (const event of [null, undefined, 'text', 7, ...events]) reader.read(event);
      for (const value of events)
        reader.read({ usage: { cost: value, cost_in_usd_ticks: value }, model: value });
      const { report } = reader.attach(ended) as { report?: { costUsd?: string } };
      if (report?.costUsd !== undefined) expect(report.costUsd).toMatch(/^\d+(\.\d+)?$/);
    }),
  );
});

it('leaves an event as it is that is not the last, or of which nothing was reported', () => {
  const reader = createReportReader('asked', endpoint());
  reader.read({ model: 'asked', usage: { cost: 1 } });
  expect(reader.attach(ended)).toBe(ended);
  reader.read({ model: 'other' });
  const text = { type: 'text', delta: 'a' } as const;
  expect(reader.attach(text)).toBe(text);
  expect(reader.attach(ended)).toEqual({ ...ended, report: { model: 'other' } });
});
