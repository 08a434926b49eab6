import { expect, it } from 'vitest';
import { ToolError } from '../tool.ts';
import { timeNow } from './now.ts';

const at = (time: string) => ({ now: () => new Date(time) }) as Parameters<typeof timeNow.execute>[1];

it('tells the time in UTC, and in another timezone over its summer time', async () => {
  expect(await timeNow.execute({}, at('2026-11-22T23:30:00Z'))).toBe(
    'Sunday, 22 November 2026 at 23:30:00 UTC (UTC); 2026-11-22T23:30:00.000Z in UTC',
  );
  const berlin = { timezone: 'Europe/Berlin' };
  expect(await timeNow.execute(berlin, at('2026-11-22T23:30:00Z'))).toContain(
    'Monday, 23 November 2026 at 00:30:00',
  );
  expect(await timeNow.execute(berlin, at('2026-07-01T12:00:00Z'))).toContain('at 14:00:00');
});

it('says so when there is no such timezone', async () => {
  await expect(timeNow.execute({ timezone: 'Mars/Base' }, at('2026-11-22T23:30:00Z'))).rejects.toThrow(
    ToolError,
  );
});
