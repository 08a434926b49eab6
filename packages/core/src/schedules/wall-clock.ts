/**
 * The clock on a wall in some timezone. A wall time is written as the `Date` that would show it in UTC: it has no
 * instant until a timezone gives it one.
 */

const clocks = new Map<string, Intl.DateTimeFormat>();
/** More than there are timezones; their names may be written in any letter case. */
const cacheSize = 1000;

/** Swedish writes dates the way ISO 8601 does. @throws {RangeError} for an unknown timezone */
function clockOf(timezone: string): Intl.DateTimeFormat {
  let clock = clocks.get(timezone);
  if (!clock) {
    clock = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short', timeStyle: 'medium' });
    if (clocks.size >= cacheSize) clocks.clear();
    clocks.set(timezone, clock);
  }
  return clock;
}

/** Whether it is the name of a timezone. Bare offsets such as `+01:00`, which know no daylight saving, are none. */
export function isTimezone(text: string): boolean {
  if (!/^[a-z]/i.test(text)) return false;
  try {
    clockOf(text);
    return true;
  } catch {
    return false;
  }
}

/** What the clock shows at an instant, to the second. */
export function wallTimeAt(instant: Date, timezone: string): Date {
  return new Date(`${clockOf(timezone).format(instant).replace(' ', 'T')}Z`);
}

const offsetAt = (instant: number, timezone: string): number =>
  wallTimeAt(new Date(instant), timezone).getTime() - Math.floor(instant / 1000) * 1000;

const dayMs = 86_400_000;

/**
 * The instant at which a clock shows a wall time: the first one where daylight saving repeats it, and where it skips
 * it the end of the gap.
 */
export function instantOf(wall: Date, timezone: string): Date {
  const time = wall.getTime();
  const before = offsetAt(time - dayMs, timezone);
  const after = offsetAt(time + dayMs, timezone);
  for (const offset of [before, after]) {
    if (offsetAt(time - offset, timezone) === offset) return new Date(time - offset);
  }
  // In the gap: the new offset is the larger one, so the change lies between the two readings.
  let old = time - after;
  let changed = time - before;
  while (changed - old > 1000) {
    const middle = Math.floor((old + changed) / 2000) * 1000;
    if (offsetAt(middle, timezone) === after) changed = middle;
    else old = middle;
  }
  return new Date(changed);
}

/** RFC 3339 with the offset that the timezone has at that instant, e.g. `2026-11-23T08:00:00+01:00`. */
export function formatLocal(instant: Date, timezone: string): string {
  const minutes = Math.round(offsetAt(instant.getTime(), timezone) / 60_000);
  const two = (value: number) => String(value).padStart(2, '0');
  const size = Math.abs(minutes);
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  return wallTimeAt(instant, timezone).toISOString().slice(0, 19) + offset;
}
