import { Cron } from 'croner';
import { describe, expect, it } from 'vitest';
import { assertCron, nextCron } from './cron.ts';
import { formatLocal, instantOf, isTimezone, wallTimeAt } from './wall-clock.ts';

/** The slots after `from` and before `to`, in the timezone's own time. */
function slots(cron: string, timezone: string, from: string, to: string): string[] {
  const found: string[] = [];
  const end = new Date(to);
  for (let slot = nextCron(cron, timezone, new Date(from)); slot && slot < end; ) {
    found.push(formatLocal(slot, timezone));
    slot = nextCron(cron, timezone, slot);
  }
  return found;
}

describe('daylight saving', () => {
  it.each([
    // Spring: 02:00 to 03:00 does not exist.
    ['30 2 * * *', 'Europe/Berlin', '2027-03-28', ['2027-03-28T03:00:00+02:00']],
    ['0,30 2 * * *', 'Europe/Berlin', '2027-03-28', ['2027-03-28T03:00:00+02:00']],
    [
      '*/20 2,3 * * *',
      'Europe/Berlin',
      '2027-03-28',
      ['2027-03-28T03:00:00+02:00', '2027-03-28T03:20:00+02:00', '2027-03-28T03:40:00+02:00'],
    ],
    ['30 2 * * *', 'America/New_York', '2027-03-14', ['2027-03-14T03:00:00-04:00']],
    ['15 2 * * *', 'Australia/Lord_Howe', '2027-10-03', ['2027-10-03T02:30:00+11:00']],
    ['45 2 * * *', 'Australia/Lord_Howe', '2027-10-03', ['2027-10-03T02:45:00+11:00']],
    // Autumn: 02:00 to 03:00 comes twice.
    ['30 2 * * *', 'Europe/Berlin', '2027-10-31', ['2027-10-31T02:30:00+02:00']],
    [
      '*/30 2 * * *',
      'Europe/Berlin',
      '2027-10-31',
      ['2027-10-31T02:00:00+02:00', '2027-10-31T02:30:00+02:00'],
    ],
    [
      '0 */2 * * *',
      'Europe/Berlin',
      '2027-10-31',
      ['2027-10-31T00:00:00+02:00', '2027-10-31T02:00:00+02:00', '2027-10-31T04:00:00+01:00'],
    ],
    ['30 1 * * *', 'America/New_York', '2027-11-07', ['2027-11-07T01:30:00-04:00']],
    ['45 1 * * *', 'Australia/Lord_Howe', '2027-04-04', ['2027-04-04T01:45:00+11:00']],
    // Schedules for every hour keep their rhythm.
    [
      '0 * * * *',
      'Europe/Berlin',
      '2027-03-28',
      [
        '2027-03-28T00:00:00+01:00',
        '2027-03-28T01:00:00+01:00',
        '2027-03-28T03:00:00+02:00',
        '2027-03-28T04:00:00+02:00',
      ],
    ],
    [
      '0 * * * *',
      'Europe/Berlin',
      '2027-10-31',
      [
        '2027-10-31T00:00:00+02:00',
        '2027-10-31T01:00:00+02:00',
        '2027-10-31T02:00:00+02:00',
        '2027-10-31T02:00:00+01:00',
        '2027-10-31T03:00:00+01:00',
        '2027-10-31T04:00:00+01:00',
      ],
    ],
    [
      '0 * * * *',
      'Australia/Lord_Howe',
      '2027-10-03',
      [
        '2027-10-03T00:00:00+10:30',
        '2027-10-03T01:00:00+10:30',
        '2027-10-03T03:00:00+11:00',
        '2027-10-03T04:00:00+11:00',
      ],
    ],
    [
      '30 * * * *',
      'Australia/Lord_Howe',
      '2027-04-04',
      [
        '2027-04-04T00:30:00+11:00',
        '2027-04-04T01:30:00+11:00',
        '2027-04-04T01:30:00+10:30',
        '2027-04-04T02:30:00+10:30',
        '2027-04-04T03:30:00+10:30',
        '2027-04-04T04:30:00+10:30',
      ],
    ],
    // No change ever, and an offset of no whole hour.
    ['0 4 * * *', 'Asia/Kathmandu', '2027-03-28', ['2027-03-28T04:00:00+05:45']],
  ])('%s in %s on %s', (cron, timezone, day, expected) => {
    const wall = (time: string) => instantOf(new Date(`${day}T${time}Z`), timezone);
    const justBefore = new Date(wall('00:00:00').getTime() - 1);
    expect(slots(cron, timezone, justBefore.toISOString(), wall('05:00:00').toISOString())).toEqual(expected);
  });

  it('fires once a day over a year, whatever the clocks do', () => {
    for (const timezone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu']) {
      for (const cron of ['15 2 * * *', '30 1 * * *', '0 0 * * *']) {
        const days = slots(cron, timezone, '2026-12-31T12:00:00Z', '2027-12-31T12:00:00Z').map((slot) =>
          slot.slice(0, 10),
        );
        expect(new Set(days).size).toBe(365);
        expect(days).toHaveLength(365);
      }
    }
  });
});

describe('against every minute, one by one', () => {
  /** The slots by the rule itself: a minute that shows a matching time for the first time, or ends a gap that had one. */
  function byMinute(pattern: string, timezone: string, from: Date, minutes: number): string[] {
    const cron = new Cron(pattern, { timezone: 'UTC', mode: '5-part' });
    const matches = (wall: number) => cron.match(new Date(wall));
    const seen = new Set<number>();
    const found: string[] = [];
    let before = wallTimeAt(new Date(from.getTime() - 60_000), timezone).getTime();
    for (let minute = 0; minute < minutes; minute += 1) {
      const instant = new Date(from.getTime() + minute * 60_000);
      const wall = wallTimeAt(instant, timezone).getTime();
      let isSlot = !seen.has(wall) && matches(wall);
      for (let skipped = before + 60_000; skipped < wall; skipped += 60_000) isSlot ||= matches(skipped);
      if (isSlot) found.push(formatLocal(instant, timezone));
      seen.add(wall);
      before = wall;
    }
    return found;
  }

  const changes = [
    ['Europe/Berlin', '2027-03-27T12:00:00Z'],
    ['Europe/Berlin', '2027-10-30T12:00:00Z'],
    ['America/New_York', '2027-03-13T12:00:00Z'],
    ['America/New_York', '2027-11-06T12:00:00Z'],
    ['Australia/Lord_Howe', '2027-10-02T06:00:00Z'],
    ['Australia/Lord_Howe', '2027-04-03T06:00:00Z'],
    ['Asia/Kathmandu', '2027-03-27T12:00:00Z'],
  ] as const;
  const patterns = [
    '30 2 * * *',
    '*/7 1-3 * * *',
    '0,15,59 0,2 * * *',
    '5-10 */2 * * SAT',
    '0 0 28-31 * *',
    '59 1 * * *',
  ];
  const minutes = 36 * 60;

  it.each(changes)('%s around %s', (timezone, start) => {
    const from = new Date(start);
    const last = new Date(from.getTime() + minutes * 60_000);
    for (const pattern of patterns) {
      const justBefore = new Date(from.getTime() - 1).toISOString();
      expect(slots(pattern, timezone, justBefore, last.toISOString())).toEqual(
        byMinute(pattern, timezone, from, minutes),
      );
    }
  });
});

it('goes on from any instant, also inside a repeated hour', () => {
  const slot = (after: string) => nextCron('*/15 2 * * *', 'Europe/Berlin', new Date(after))?.toISOString();
  expect(slot('2027-10-31T00:20:00Z')).toBe('2027-10-31T00:30:00.000Z');
  expect(slot('2027-10-31T00:45:00Z')).toBe('2027-11-01T01:00:00.000Z');
  expect(slot('2027-10-31T01:20:00Z')).toBe('2027-11-01T01:00:00.000Z');
});

it('reads names, ranges, steps, lists and nicknames', () => {
  const next = (cron: string) => nextCron(cron, 'UTC', new Date('2026-11-22T14:00:00Z'))?.toISOString();
  expect(next('0 8 * * MON-FRI')).toBe('2026-11-23T08:00:00.000Z');
  expect(next('0 8 * jan,FEB mon')).toBe('2027-01-04T08:00:00.000Z');
  expect(next('10-20/5 8 1 */2 *')).toBe('2027-01-01T08:10:00.000Z');
  expect(next('0 0 L * *')).toBe('2026-11-30T00:00:00.000Z');
  expect(next('0 0 29 2 *')).toBe('2028-02-29T00:00:00.000Z');
  expect(next('@hourly')).toBe('2026-11-22T15:00:00.000Z');
  expect(next('@daily')).toBe('2026-11-23T00:00:00.000Z');
  expect(next('@weekly')).toBe('2026-11-29T00:00:00.000Z');
  expect(next('@monthly')).toBe('2026-12-01T00:00:00.000Z');
  expect(next('@yearly')).toBe('2027-01-01T00:00:00.000Z');
  expect(next('0 0 30 2 *')).toBeUndefined();
});

it.each([
  ['0 0 0 * * *', /has 6 fields, and needs 5/],
  ['* * * *', /has 4 fields, and needs 5/],
  ['', /needs 5/],
  ['61 * * * *', /minute "61"/],
  ['* 24 * * *', /hour "24"/],
  ['* * 0 * *', /day of month "0"/],
  ['* * * 13 *', /month "13"/],
  ['* * * * 8', /day of week "8"/],
  ['* * * * MON-', /day of week "MON-"/],
  ['5-1 * * * *', /minute "5-1"/],
  ['*/0 * * * *', /minute "\*\/0"/],
  ['1,,2 * * * *', /minute "1,,2"/],
  ['H * * * *', /minute "H"/],
  ['@reboot', /"@reboot" is none of @hourly/],
])('says what is wrong with "%s"', (cron, message) => {
  expect(() => assertCron(cron)).toThrow(message);
});

it('knows timezones by name only', () => {
  for (const name of ['Europe/Berlin', 'UTC', 'America/Argentina/Buenos_Aires', 'europe/berlin']) {
    expect(isTimezone(name)).toBe(true);
  }
  for (const name of ['+01:00', 'Mars/Base', '', 'Europe/Berlin ', '0']) expect(isTimezone(name)).toBe(false);
});
