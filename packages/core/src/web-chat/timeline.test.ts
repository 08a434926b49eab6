import { expect, it } from 'vitest';
import { historyLength, historyLimit, pageOf, type TimelineEntry } from './timeline.ts';

const entries = (count: number, length: number): TimelineEntry[] =>
  Array.from({ length: count }, (_, index) => ({
    id: String(index),
    role: 'assistant',
    text: 'x'.repeat(length),
    files: [],
    runId: null,
    ref: null,
    createdAt: new Date(index),
  }));

it.each([
  ['short ones', 20, 10, 20, false],
  ['as many as are shown', historyLimit, 10, historyLimit, false],
  ['more than are shown', historyLimit + 1, 10, historyLimit, true],
  ['long ones', historyLimit + 1, historyLength / 4, 4, true],
  ['one that is longer than all that is shown', 1, 2 * historyLength, 1, false],
  ['several of those', 3, 2 * historyLength, 1, true],
  ['none', 0, 0, 0, false],
] as const)(
  'shows at once, of %s, no more text than is made to blocks soon',
  (_, count, length, shown, older) => {
    const found = entries(count, length);
    expect(pageOf(found)).toEqual({ entries: found.slice(count - shown), older });
  },
);
