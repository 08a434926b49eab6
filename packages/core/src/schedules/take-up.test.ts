import { describe, expect, it } from 'vitest';
import { type DueSchedule, skipDue, takeUp } from './take-up.ts';
import { assertTiming, dueTime, slotsFrom } from './timing.ts';

const at = (time: string) => new Date(`2026-11-22T${time}Z`);

const schedule = (fields: Partial<DueSchedule> = {}): DueSchedule => ({
  id: '0197aaaa-0000-7000-8000-000000000000',
  cron: null,
  everySeconds: 600,
  at: null,
  timezone: 'UTC',
  misfire: 'once',
  overlap: 'skip',
  jitterSeconds: 0,
  nextAt: at('10:00:00'),
  busy: false,
  ...fields,
});

/** Each fire as `outcome slot ×slots`. */
const summary = (fields: Partial<DueSchedule>, now: string) => {
  const { fires, nextAt } = takeUp(schedule(fields), at(now));
  return {
    fires: fires.map(
      ({ outcome, fireAt, slots }) => `${outcome} ${fireAt.toISOString().slice(11, 19)} ×${slots}`,
    ),
    nextAt: nextAt?.toISOString().slice(11, 19) ?? null,
  };
};

describe('on time', () => {
  it('takes up the slot and goes on to the next', () => {
    expect(summary({}, '10:00:00.400')).toEqual({ fires: ['fired 10:00:00 ×1'], nextAt: '10:10:00' });
  });

  it('takes nothing up before its time', () => {
    expect(summary({}, '09:59:59.999')).toEqual({ fires: [], nextAt: '10:00:00' });
  });

  it('keeps the rhythm, however late within the grace', () => {
    expect(summary({}, '10:01:00')).toEqual({ fires: ['fired 10:00:00 ×1'], nextAt: '10:10:00' });
  });

  it('is finished after a single time', () => {
    expect(summary({ everySeconds: null, at: at('10:00:00') }, '10:00:00')).toEqual({
      fires: ['fired 10:00:00 ×1'],
      nextAt: null,
    });
  });
});

describe('overlap', () => {
  it('skip: records the slot with its reason', () => {
    const { fires } = takeUp(schedule({ busy: true }), at('10:00:00'));
    expect(fires).toMatchObject([{ outcome: 'overlap', slots: 1, reason: 'The run before had not ended.' }]);
  });

  it('queue: fires all the same', () => {
    expect(summary({ busy: true, overlap: 'queue' }, '10:00:00').fires).toEqual(['fired 10:00:00 ×1']);
  });

  it('of several slots at once the first is run and the others overlap it', () => {
    expect(summary({ everySeconds: 1 }, '10:00:03')).toEqual({
      fires: ['fired 10:00:00 ×1', 'overlap 10:00:03 ×3'],
      nextAt: '10:00:04',
    });
    expect(summary({ everySeconds: 1, overlap: 'queue' }, '10:00:02').fires).toEqual([
      'fired 10:00:00 ×1',
      'fired 10:00:01 ×1',
      'fired 10:00:02 ×1',
    ]);
  });
});

describe('misfire', () => {
  it('skip: one row for the missed slots, and the one in time is run', () => {
    expect(summary({ misfire: 'skip' }, '10:40:30')).toEqual({
      fires: ['missed 10:30:00 ×4', 'fired 10:40:00 ×1'],
      nextAt: '10:50:00',
    });
    const { fires } = takeUp(schedule({ misfire: 'skip' }), at('10:25:00'));
    expect(fires[0]?.reason).toBe(
      'No worker was running at that time. Stands for 3 slots from 2026-11-22T10:00:00.000Z on.',
    );
  });

  it('once: one run that stands for all', () => {
    expect(summary({}, '10:25:00')).toEqual({ fires: ['caught_up 10:20:00 ×3'], nextAt: '10:30:00' });
    expect(summary({}, '10:20:10')).toEqual({ fires: ['caught_up 10:20:00 ×3'], nextAt: '10:30:00' });
    expect(summary({}, '10:05:00')).toEqual({ fires: ['caught_up 10:00:00 ×1'], nextAt: '10:10:00' });
  });

  it('all: a run each, also where overlaps are skipped', () => {
    expect(summary({ misfire: 'all' }, '10:20:10')).toEqual({
      fires: ['caught_up 10:00:00 ×1', 'caught_up 10:10:00 ×1', 'fired 10:20:00 ×1'],
      nextAt: '10:30:00',
    });
  });

  it.each([
    ['an interval', { everySeconds: 60 }, 20],
    ['cron', { everySeconds: null, cron: '* * * * *' }, 20],
  ])('all: at most 100 runs, the slots before them in one row: %s', (_what, timing, extra) => {
    const { fires, nextAt } = takeUp(schedule({ ...timing, misfire: 'all' }), at('12:00:30'));
    expect(fires[0]).toMatchObject({ outcome: 'missed', slots: extra, fireAt: at('10:19:00') });
    expect(fires.slice(1, -1)).toHaveLength(100);
    expect(fires.at(-2)).toMatchObject({ outcome: 'caught_up', fireAt: at('11:59:00'), slots: 1 });
    expect(fires.at(-1)).toMatchObject({ outcome: 'fired', fireAt: at('12:00:00') });
    expect(nextAt).toEqual(at('12:01:00'));
  });

  it('is skipped as a whole while the run before is still going', () => {
    for (const misfire of ['once', 'all'] as const) {
      expect(summary({ misfire, busy: true }, '10:25:00').fires).toEqual(['overlap 10:20:00 ×3']);
    }
  });

  it('counts a night of seconds, and stops counting cron slots somewhere', () => {
    const night = takeUp(
      schedule({ everySeconds: 1, nextAt: new Date('2026-11-21T10:00:00Z') }),
      at('10:00:00'),
    );
    expect(night.fires).toMatchObject([{ outcome: 'caught_up', slots: 86_401, fireAt: at('10:00:00') }]);
    const year = takeUp(
      schedule({ everySeconds: null, cron: '* * * * *', nextAt: new Date('2025-11-22T10:00:00Z') }),
      at('10:00:00'),
    );
    expect(year.fires).toMatchObject([{ outcome: 'caught_up', slots: 1000, fireAt: at('10:00:00') }]);
    expect(year.fires[0]?.reason).toContain('1000 or more slots from 2025-11-22T10:00:00.000Z');
    expect(year.nextAt).toEqual(at('10:01:00'));
  });

  it('catches up with a single time once', () => {
    const once = { everySeconds: null, at: at('10:00:00') };
    expect(summary(once, '11:00:00')).toEqual({ fires: ['caught_up 10:00:00 ×1'], nextAt: null });
    expect(summary({ ...once, misfire: 'skip' }, '11:00:00')).toEqual({
      fires: ['missed 10:00:00 ×1'],
      nextAt: null,
    });
  });
});

describe('jitter', () => {
  const jittered = schedule({ jitterSeconds: 300 });

  it('is the same for a slot always, spread over slots and schedules, and never before the slot', () => {
    const slots = [...slotsFrom(jittered, jittered.nextAt).take(200)];
    const delays = slots.map((slot) => dueTime(jittered, slot).getTime() - slot.getTime());
    expect(slots.map((slot) => dueTime(jittered, slot).getTime() - slot.getTime())).toEqual(delays);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThan(300_000);
    expect(new Set(delays).size).toBeGreaterThan(190);
    expect(dueTime({ ...jittered, id: 'other' }, jittered.nextAt)).not.toEqual(
      dueTime(jittered, jittered.nextAt),
    );
  });

  it('delays taking up, and is no lateness', () => {
    const due = dueTime(jittered, jittered.nextAt);
    expect(takeUp(jittered, new Date(due.getTime() - 1)).fires).toEqual([]);
    expect(takeUp(jittered, due).fires).toMatchObject([{ outcome: 'fired', fireAt: jittered.nextAt }]);
    expect(takeUp(jittered, due).nextAt).toEqual(at('10:10:00'));
  });
});

it('skips everything due for one reason', () => {
  expect(skipDue(schedule(), at('10:25:00'), 'agent_deleted', 'Gone.')).toMatchObject([
    { outcome: 'agent_deleted', slots: 3, fireAt: at('10:20:00') },
  ]);
});

describe('what can be saved', () => {
  const timing = { cron: null, everySeconds: null, at: null, timezone: 'UTC', jitterSeconds: 0 };

  it.each([
    ['cron', {}, /exactly one/],
    ['cron', { cron: '* * * * *', everySeconds: 60 }, /exactly one/],
    ['cron', { cron: '0 0 30 2 *' }, /never fires/],
    ['cron', { cron: '0 0 31 4,6,9,11 *' }, /never fires/],
    ['cron', { cron: '0 0 0 * * *' }, /6 fields/],
    ['timezone', { cron: '@daily', timezone: 'Europe/Berlino' }, /no IANA timezone/],
    ['at', { at: at('09:59:59') }, /in the past/],
    ['at', { at: at('10:00:00') }, /in the past/],
    ['jitterSeconds', { everySeconds: 60, jitterSeconds: 60 }, /less than the 60 s/],
    ['jitterSeconds', { cron: '*/10 * * * *', jitterSeconds: 3600 }, /less than the 600 s/],
  ])('refuses %s: %j', (field, wrong, message) => {
    const save = () => assertTiming({ ...timing, ...wrong }, at('10:00:00'));
    expect(save).toThrow(message);
    expect(save).toThrow(expect.objectContaining({ fields: [expect.objectContaining({ path: field })] }));
  });

  it('gives the first slot', () => {
    const first = (fields: object) => assertTiming({ ...timing, ...fields }, at('10:00:00'));
    expect(first({ everySeconds: 1 })).toEqual(at('10:00:01'));
    expect(first({ at: at('10:00:01'), jitterSeconds: 3600 })).toEqual(at('10:00:01'));
    expect(first({ cron: '0 12 * * *', timezone: 'Asia/Kathmandu' })).toEqual(
      new Date('2026-11-23T06:15:00Z'),
    );
  });
});
